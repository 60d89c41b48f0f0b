"""Seals follow whatever is written through the tables: loads, restatements, deletions, official figures."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_pipeline.datasets.rows import Rows
from data_pipeline.loading.coverage.seals import SEALED, months_to_verify, verify_month
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.index_records import IndexBar, IndexSnapshot
from data_pipeline.market.investor_records import KINDS, InvestorFlow, Traded
from data_pipeline.market.records import CurrentPrice, DailyBar, MinuteBar, OrderBook, OrderBookLevel
from data_pipeline.market.stream_records import Side, Trade
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.venue import Venue
from data_pipeline.warehouse.migrate import migrate, rehearse
from tests.support.old_warehouse import warehouse_before
from tests.support.seals import digest, seals, sent, worked_out
from tests.support.tables import DAILY_BAR, MINUTE_BAR, ORDER_BOOK, PRICE_SNAPSHOT, TABLES

DAYS = (date(2026, 9, 14), date(2026, 9, 15), date(2026, 10, 1))
CODES = ("005930", "0001A0", "000660")
BAR = DailyBar("005930", DAYS[0], 70000, 71500, 69900, 71000, 1000, 70500000, 1420)


def bar(code, day, volume):
    """A daily bar."""
    return replace(BAR, stock_code=code, session=day, volume=volume)


def minute(code, day, volume):
    """A minute bar."""
    return MinuteBar(code, datetime(day.year, day.month, day.day, 9, volume % 2, tzinfo=SEOUL), 9, 9, 9, 9, volume, 9)


def price(code, day, volume):
    """A current price, with what may be null and numbers of every length."""
    rates = (0.0, -2.04, 12345.6789, 0.012, 10000.0)
    return CurrentPrice(
        code, ("삼성전자", "A\tB")[volume % 2], 70, 1, rates[volume % 5], 70, 71, 69, volume, 9,
        datetime(day.year, day.month, day.day, 9, volume % 2, tzinfo=SEOUL).isoformat(),
        None if volume % 3 else volume,
    )  # fmt: skip


def book(code, day, volume):
    """An order book; one side may be empty."""
    bids = tuple(OrderBookLevel(100 - level, volume) for level in range(volume % 3))
    at = datetime(day.year, day.month, day.day, 9, volume % 2, tzinfo=SEOUL).isoformat()
    venue = list(Venue)[volume % 3]
    return OrderBook(code, "종목", bids, (OrderBookLevel(101, 1),), volume, 1, at, venue)


def old_book(code, day, volume):
    """An order book of before there were venues, which is of KRX."""
    return replace(book(code, day, volume), venue=Venue.KRX)


OLD_BOOK = replace(
    ORDER_BOOK,
    columns=tuple(name for name in ORDER_BOOK.columns if name != "venue"),
    key=ORDER_BOOK.key[:3],
    values=lambda one: (*ORDER_BOOK.values(one)[:3], *ORDER_BOOK.values(one)[4:]),
)


def index(name, day, volume):
    """An index bar, with and without what may be null."""
    change = None if volume % 3 else -0.25
    whole = IndexBar("KOSPI", name, day, 10.25, 10.5, 10.0, 10.3, change, volume, 9, None)
    return whole if volume % 2 else replace(whole, open=None, high=None, low=None, market_cap=5)


def level(name, day, volume):
    """An index at a moment, with and without what may be null."""
    at = datetime(day.year, day.month, day.day, 9, volume % 2, tzinfo=SEOUL)
    whole = IndexSnapshot("코스닥", name, at, 10.3, 0.0, 10.3, 10.3, 10.3, volume, 9)
    return whole if volume % 3 else replace(whole, open=None, high=None, low=None)


def flow(code, day, volume):
    """Who bought and sold, with and without what may be null."""
    kinds = {kind: Traded(place, 0, volume, 1) for place, kind in enumerate(KINDS)} if volume % 2 else {}
    some = Traded(volume, 0, 10**6, 0)
    return InvestorFlow(code, day, volume + 20 if kinds else None, some, some, some, kinds)


def trade(code, day, volume):
    """A trade, as the stream brings it and as it is asked for later."""
    at = datetime(day.year, day.month, day.day, 9, volume % 2, tzinfo=SEOUL)
    told = (900, Side.BUY, 1, 2, 3, 4, 71, 70, "20", "0", "2") if volume % 3 else ()
    return Trade(Venue.NXT if volume % 2 else Venue.KRX, code, at, 70, volume, 20, *told, filled=not told)  # type: ignore[misc] # told ends before filled


MAKE: dict[str, Callable[..., object]] = {
    "daily_bar": bar,
    "minute_bar": minute,
    "price_snapshot": price,
    "order_book": book,
    "index_bar": index,
    "index_snapshot": level,
    "investor_flow": flow,
    "trade": trade,
}
OLD = tuple(MAKE)[:4]
"""Those that have had seals since there are any."""
CHANGED = {"order_book": "total_ask_volume", "investor_flow": "foreign_sold_value"}
"""The column that is changed by hand, where it is not ``volume``."""


def differing(database, role="reader"):
    """What verifying finds, as text."""
    with database.connect(role) as connection:
        return [
            str(found) for month in months_to_verify(connection) for found in verify_month(connection, month).findings
        ]


def require_right(database):
    """Every seal is what Python works out, and verifying finds nothing."""
    for name in SEALED:
        assert seals(database, TABLES[name]) == worked_out(database, TABLES[name])
    assert differing(database) == []


CELL = st.tuples(st.sampled_from(CODES), st.sampled_from(DAYS))
SOURCES = st.sampled_from(["kis", "kis", "kis-virtual", "krx"])
STEPS = st.one_of(
    st.tuples(st.just("load"), st.dictionaries(CELL, st.integers(1, 7), min_size=1), SOURCES),
    st.tuples(st.just("columns"), st.dictionaries(CELL, st.integers(1, 7), min_size=1), SOURCES),
    st.tuples(st.just("delete"), CELL),
    st.tuples(st.just("change"), CELL),
    st.tuples(st.just("move"), CELL),
    st.tuples(st.just("roll back"), st.dictionaries(CELL, st.integers(1, 7), min_size=1)),
)


def which(table):
    """The condition of one cell."""
    return f"{'stock_code' if 'stock_code' in table.columns else 'name'} = %s AND session = %s"


def act(connection, cursor, table, step):
    """One step: through the loader, or by hand through the table."""
    match step:
        case ("load", cells, source):
            upsert(connection, table, [MAKE[table.name](*cell, volume) for cell, volume in cells.items()], source)
        case ("columns", cells, source):
            records = Rows(MAKE[table.name](*cell, volume) for cell, volume in cells.items())
            upsert(connection, table, records, source, 7, expect_empty=True)
        case ("delete", cell):
            cursor.execute(f"DELETE FROM market.{table.name} WHERE {which(table)}", cell)
        case ("change", cell):
            column = CHANGED.get(table.name, "volume")
            cursor.execute(f"UPDATE market.{table.name} SET {column} = {column} + 1 WHERE {which(table)}", cell)
        case ("move", cell):  # to the next month's partition, or within it
            time = {"minute_bar": "at", "trade": "traded_at"}.get(table.name)
            moved = f", {time} = {time} + interval '20 days'" if time else ""
            cursor.execute(
                f"UPDATE market.{table.name} t SET session = session + 20 {moved}"
                f" WHERE {which(table)}"
                f" AND NOT EXISTS (SELECT FROM market.{table.name} o WHERE o.session = t.session + 20)",
                cell,
            )
        case ("roll back", cells):
            cursor.execute("SAVEPOINT before")
            upsert(connection, table, [MAKE[table.name](*cell, volume) for cell, volume in cells.items()], "krx")
            cursor.execute("ROLLBACK TO before")


@pytest.mark.thorough
@pytest.mark.parametrize("name", SEALED)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=8), together=st.booleans())
def test_seals_follow_whatever_is_written(database, name, steps, together):
    """After any loads, restatements, deletions, moves and official figures a seal is what Python works out."""
    table = TABLES[name]
    with database.connect("owner") as connection, connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE market.{name}; DELETE FROM market.seal")
        if table.partitioned:
            cursor.execute("SELECT market.ensure_partitions(%s, %s, '2026-12-31')", (name, DAYS[0]))
        for step in steps:
            act(connection, cursor, table, step)
            if not together:
                connection.commit()
        connection.commit()
    assert seals(database, table) == worked_out(database, table)
    assert differing(database) == []


@pytest.mark.thorough
@pytest.mark.parametrize("name", SEALED)
def test_large_loads_are_sealed(database, connection, name):
    """3,000 rows copied straight, 6,000 staged beside them and most of those changed are sealed as they stand."""
    table, make = TABLES[name], MAKE[name]
    cells = [(f"{number:06d}", DAYS[number % 3]) for number in range(6000)]
    upsert(connection, table, [make(*cell, 6) for cell in cells[::2]], "kis", expect_empty=True)
    upsert(connection, table, [make(*cell, 6) for cell in cells], "kis")
    upsert(connection, table, [make(*cell, 12 if number % 3 else 6) for number, cell in enumerate(cells)], "krx")
    connection.commit()
    require_right(database)
    assert database.rows("SELECT sum(rows) FROM market.seal") == [(6000,)]


def test_official_figures_seal_anew(database, connection):
    """A provisional session becomes official with its last row, under the run that brought it; the rest stays."""
    upsert(connection, DAILY_BAR, [bar(code, DAYS[0], 5) for code in CODES], "kis", 7)
    upsert(connection, DAILY_BAR, [bar("005930", DAYS[1], 5)], "kis", 8)
    connection.commit()
    ((before,),) = database.rows("SELECT digest FROM market.seal WHERE session = %s", DAYS[0])
    asked = "SELECT session, version, stage, rows, official, run_id FROM market.seal ORDER BY session"
    later = (DAYS[1], 1, "provisional", 1, 0, 8)
    assert database.rows(asked) == [(DAYS[0], 1, "provisional", 3, 0, 7), later]
    upsert(connection, DAILY_BAR, [bar(code, DAYS[0], 5) for code in CODES[:2]], "krx", 9)
    connection.commit()
    assert database.rows(asked) == [(DAYS[0], 1, "provisional", 3, 2, 9), later]
    upsert(connection, DAILY_BAR, [bar(CODES[2], DAYS[0], 6)], "krx", 10)
    connection.commit()
    assert database.rows(asked) == [(DAYS[0], 1, "official", 3, 3, 10), later]
    assert database.rows("SELECT digest FROM market.seal WHERE session = %s", DAYS[0]) != [(before,)]
    require_right(database)


def test_the_same_rows_again_leave_the_seal(database, connection):
    """A load that changes nothing does not touch a seal, not even its time."""
    upsert(connection, DAILY_BAR, [BAR], "kis", 7)
    connection.commit()
    before = database.rows("SELECT xmin::text, * FROM market.seal")
    upsert(connection, DAILY_BAR, [BAR], "kis", 8)
    connection.commit()
    assert database.rows("SELECT xmin::text, * FROM market.seal") == before


def test_a_bar_written_out_by_hand():
    """A daily bar's 66 bytes: code, day 9753 after 2000-01-01, seven numbers of eight bytes; summed by sha256sum."""
    row = (
        BAR.stock_code,
        BAR.session,
        BAR.open,
        BAR.high,
        BAR.low,
        BAR.close,
        BAR.volume,
        BAR.trading_value,
        BAR.change,
    )
    written = b"".join(sent(name, value) for name, value in zip(DAILY_BAR.columns, row, strict=True))
    assert written == b"005930" + bytes.fromhex(
        "00002619" "0000000000011170" "000000000001174c" "000000000001110c" "0000000000011558"
        "00000000000003e8" "000000000433bea0" "000000000000058c"
    )  # fmt: skip
    assert digest(DAILY_BAR, row) == 0x8E2328C1B18AC2BC2585F11433FFFEAFF77F91980279AF5ACC28EE65F314A968


@pytest.mark.parametrize("sums", ["sum(get_byte(q.sha", "sum(substr(q.sha"])
def test_a_server_sums_in_one_way(connection, sums):
    """Bytes where it cannot cast bytes to a number, parts of seven bytes from Postgres 18 on; never some of each."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname ~ '_digests$|^keep_.*_seal$' AND prokind = 'f'")
        found = [sums in source for (source,) in cursor.fetchall()]
    assert len(found) >= 2 * len(SEALED)
    assert {*found} == {sums.startswith("sum(substr") == (connection.info.server_version >= 180000)}


@pytest.mark.thorough
def test_two_loaders_of_one_session(database):
    """Eight loaders that bring other codes of the same three sessions at once, thrice, lose none of their rows."""
    with database.connect() as connection:
        upsert(connection, DAILY_BAR, [BAR], "kis")
        connection.commit()

    def load(writer):
        with database.connect() as connection:
            for turn in range(3):
                bars = [bar(f"{writer:03d}{turn}{n:02d}", DAYS[(n + writer) % 3], n + 1) for n in range(60)]
                upsert(connection, DAILY_BAR, bars, "kis", expect_empty=bool(writer % 2))
                connection.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(load, range(8)))
    assert database.rows("SELECT sum(rows) FROM market.seal") == [(8 * 3 * 60 + 1,)]
    require_right(database)


def test_two_loaders_of_the_same_bars(database):
    """Two loaders that restate the same bars at once leave the seal of the rows that were written last."""

    def load(writer):
        with database.connect() as connection:
            for turn in range(5):
                upsert(
                    connection,
                    DAILY_BAR,
                    [bar(f"{n:06d}", DAYS[n % 3], writer * 9 + turn + 1) for n in range(300)],
                    "kis",
                )
                connection.commit()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(load, range(2)))
    require_right(database)


def test_a_name_in_another_encoding(database):
    """What the client's encoding is changes no seal: a loader in UHC (CP949) seals what a reader in UTF-8 proves."""
    with database.connect() as connection:
        connection.set_client_encoding("UHC")
        upsert(connection, PRICE_SNAPSHOT, [price("005930", DAYS[0], 2)], "kis")
        upsert(connection, ORDER_BOOK, [book("005930", DAYS[0], 2)], "kis")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE market.price_snapshot SET stock_name = '현대차'")
        connection.commit()
    require_right(database)


@pytest.mark.parametrize("statement", [
    "UPDATE market.seal SET rows = rows + 1", "DELETE FROM market.seal", "TRUNCATE market.seal",
    "INSERT INTO market.seal (dataset, session, rows, official, digest) VALUES ('daily_bar', '2026-09-14', 0, 0, 0)",
    "SELECT market.seal_again('daily_bar', '2026-09-14', '2026-09-14')",
    "SELECT market.bring_seals_forward('minute_bar', '{2026-09-14}', '{1}', '{5}', 'kis', 7)",
    "INSERT INTO market.minute_bar_2026_09 SELECT * FROM market.minute_bar",
])  # fmt: skip
def test_the_loader_seals_by_loading_alone(connection, statement):
    """No statement of the loader's writes a seal, but that which says what it copied into the months of daily bars."""
    upsert(connection, MINUTE_BAR, [minute("005930", DAYS[0], 5)], "kis")
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(statement)


@pytest.mark.parametrize(("rows", "digest_told"), [("{0}", "{5}"), ("{-1}", "{5}"), ("{1}", "{-5}"), ("{1}", "{NULL}")])
def test_what_is_copied_is_at_least_a_row_with_a_digest(connection, rows, digest_told):
    """Seals are not brought back: neither by fewer rows nor by a number that is no sum of digests."""
    with connection.cursor() as cursor, pytest.raises((psycopg2.DataError, psycopg2.IntegrityError)):
        cursor.execute(
            "SELECT market.bring_seals_forward('daily_bar', '{2026-09-14}', %s, %s, 'kis', 7)", (rows, digest_told)
        )


def test_what_is_copied_into_a_month_without_its_seal_is_found(database, connection):
    """The loader reaches the partitions of daily bars by name; rows that it does not add up differ from their seals."""
    upsert(connection, DAILY_BAR, [bar("005930", DAYS[0], 5)], "kis", 7)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO market.daily_bar_2026_09 SELECT '000660', session, open, high, low, close, volume,"
            " trading_value, change, source, run_id FROM market.daily_bar"
        )
    connection.commit()
    assert differing(database) == ["daily_bar 2026-09-14: rows doubled or added (1 rows sealed, 2 rows stored)"]


def test_a_meant_change_past_the_triggers_is_sealed_by_the_owner(database, connection):
    """After a partition was dropped on purpose, seal_again leaves the other month's seals alone."""
    upsert(connection, DAILY_BAR, [bar("005930", day, 5) for day in DAYS], "krx")
    connection.commit()
    kept = database.rows("SELECT xmin::text, * FROM market.seal WHERE session = %s", DAYS[2])
    with database.connect("owner") as owner, owner.cursor() as cursor:
        cursor.execute("DROP TABLE market.daily_bar_2026_09")
        cursor.execute("SELECT market.seal_again('daily_bar', '2026-09-01', '2026-09-30')")
        assert cursor.fetchall() == [(0,)]
        owner.commit()
    assert database.rows("SELECT xmin::text, * FROM market.seal") == kept
    require_right(database)


@pytest.mark.thorough
def test_stored_rows_are_sealed_by_the_migration(server, tmp_path):
    """A warehouse of before is sealed as it stands, each dataset and session, and a rehearsal says how many."""
    with warehouse_before(server, "0008", tmp_path) as url, closing(psycopg2.connect(url)) as connection:
        for table, make in ((DAILY_BAR, bar), (MINUTE_BAR, minute), (PRICE_SNAPSHOT, price), (OLD_BOOK, old_book)):
            records = [make(code, day, 1 + number) for number, day in enumerate(DAYS) for code in CODES]
            upsert(connection, table, records, "krx" if table is DAILY_BAR else "kis", 7)
        connection.commit()
        told = dict(rehearse(url).told)
        assert [told[f"sessions of {name} sealed as they stand"] for name in OLD] == [3, 3, 3, 3]
        migrate(url)
        connection.rollback()

        class Old:
            """The database of before, to be read like any other."""

            @staticmethod
            def rows(query, *values):
                """What a query gives."""
                with connection.cursor() as cursor:
                    cursor.execute(query, values)
                    return cursor.fetchall()

        for name in OLD:
            assert seals(Old, TABLES[name]) == worked_out(Old, TABLES[name])
        assert Old.rows("SELECT dataset, stage, run_id, count(*) FROM market.seal GROUP BY 1, 2, 3 ORDER BY 1") == [
            ("daily_bar", "official", 7, 3), ("minute_bar", "provisional", 7, 3),
            ("order_book", "provisional", 7, 3), ("price_snapshot", "provisional", 7, 3),
        ]  # fmt: skip


@pytest.mark.thorough
def test_stored_indices_and_flows_are_sealed_by_their_migration(server, tmp_path):
    """A warehouse that has them without seals is sealed as it stands, and a rehearsal says how many sessions."""
    with warehouse_before(server, "0016", tmp_path) as url, closing(psycopg2.connect(url)) as connection:
        for name in ("index_bar", "investor_flow"):
            records = [MAKE[name](code, day, 1 + number) for number, day in enumerate(DAYS) for code in CODES]
            upsert(connection, TABLES[name], records, "kis", 7)
        connection.commit()
        told = dict(rehearse(url).told)
        assert [told[f"sessions of {name} sealed as they stand"] for name in ("index_bar", "investor_flow")] == [3, 3]
        migrate(url)
        connection.rollback()
        verified = [verify_month(connection, month) for month in months_to_verify(connection)]
        assert [finding for one in verified for finding in one.findings] == []
        assert sum(one.rows for one in verified) == 18


def test_a_flow_written_out_by_hand(database, connection):
    """A row of the virtual server: code, day 9753 after 2000-01-01, no volume, twelve amounts, and 36 that are not."""
    row = InvestorFlow("005930", DAYS[0], None, Traded(1, 2, 3, 4), Traded(5, 6, 7, 8), Traded(9, 10, 11, 12))
    upsert(connection, TABLES["investor_flow"], [row], "kis-virtual")
    connection.commit()
    amounts = b"".join(number.to_bytes(8, "big") for number in range(1, 13))
    written = b"005930" + bytes.fromhex("00002619") + b"\0" + amounts + b"\0" * 36
    ((found,),) = database.rows("SELECT encode(market.row_digest(f), 'hex') FROM market.investor_flow f")
    assert found == sha256(written).hexdigest()


def test_rows_of_a_table_without_partitions_are_found_without_a_seal(database, connection):
    """A month of index bars of which every seal was lost is read, though nothing but its rows tells of it."""
    upsert(connection, TABLES["index_bar"], [index("코스피", DAYS[2], 1)], "kis")
    connection.commit()
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("DELETE FROM market.seal")
    assert differing(database) == ["index_bar 2026-10-01: rows without a seal (no rows sealed, 1 rows stored)"]


def test_what_has_no_seals_cannot_be_sealed_again(database):
    """A table that no seals were made for is named."""
    refused = pytest.raises(psycopg2.errors.InvalidParameterValue, match=r"market\.instrument has no seals")
    with database.connect("owner") as owner, owner.cursor() as cursor, refused:
        cursor.execute("SELECT market.seal_again('instrument', '2026-09-14', '2026-09-14')")
