"""The load against a real Postgres: counts, ranks, repeats, refusals, rollbacks and neighbours."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_pipeline.exceptions import (
    ConfigurationError,
    ConnectionFailedError,
    InvalidRequestError,
    LoadError,
    PayloadError,
    SyntheticDataRefusedError,
)
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.records import (
    CurrentPrice,
    DailyBar,
    Instrument,
    MarketDay,
    MinuteBar,
    OrderBook,
    OrderBookLevel,
)
from data_pipeline.market.trading_calendar import SEOUL
from tests.support.market_rows import keep_some
from tests.support.tables import DAILY_BAR, MINUTE_BAR, ORDER_BOOK, PRICE_SNAPSHOT, TRADING_SESSION

DAY = date(2026, 9, 14)
SAMSUNG = DailyBar("005930", DAY, 70000, 71500, 69900, 71000, 1000, 70500000, 1420)
HYNIX = DailyBar("000660", DAY, 0, 0, 0, 300000, 0, 0, 0)
LETTERS = DailyBar("0001A0", date(2026, 10, 1), 10, 12, 9, 11, 5, 55, 1)
BARS = [SAMSUNG, HYNIX, LETTERS]
PRICE = CurrentPrice(
    "005930", "삼성\t전자\\N", 71000, 1420, 2.04, 70000, 71500, 69900, 25483920, 1809358320000,
    "2026-09-14T10:00:00+09:00",
)  # fmt: skip
BOOK = OrderBook(
    "005930", "삼성전자", (OrderBookLevel(70900, 5),), (OrderBookLevel(71000, 7), OrderBookLevel(71100, 0)), 50, 70,
    "2026-09-14T10:00:00+09:00",
)  # fmt: skip


def load(connection, table, records, source="kis", run_id=None):
    """One load, committed."""
    counts = upsert(connection, table, records, source, run_id)
    connection.commit()
    return counts


def stored(database):
    """Every stored bar, in order of its key."""
    return database.rows(
        "SELECT stock_code, session, open, high, low, close, volume, trading_value, change, source, run_id"
        " FROM market.daily_bar ORDER BY stock_code, session"
    )


def test_fresh_rows_are_inserted(database, connection):
    """Three new bars of two months are three inserted rows that read as they were given."""
    assert load(connection, DAILY_BAR, BARS, "kis", 7) == LoadCounts(inserted=3)
    assert stored(database) == [
        ("0001A0", date(2026, 10, 1), 10, 12, 9, 11, 5, 55, 1, "kis", 7),
        ("000660", DAY, 0, 0, 0, 300000, 0, 0, 0, "kis", 7),
        ("005930", DAY, 70000, 71500, 69900, 71000, 1000, 70500000, 1420, "kis", 7),
    ]


def test_same_rows_again_are_unchanged(database, connection):
    """The same bars again, by another run, change no row, not even its run or time."""
    load(connection, DAILY_BAR, BARS, "kis", 7)
    before = database.rows("SELECT xmin::text, run_id, loaded_at FROM market.daily_bar ORDER BY stock_code")
    assert load(connection, DAILY_BAR, BARS, "kis", 8) == LoadCounts(unchanged=3)
    assert database.rows("SELECT xmin::text, run_id, loaded_at FROM market.daily_bar ORDER BY stock_code") == before
    assert database.rows("SELECT count(*) FROM market.restatement") == [(0,)]


def test_changed_row_is_updated_and_its_past_kept(database, connection):
    """One changed, one new and one equal bar are counted as such, and the old version goes to restatement."""
    load(connection, DAILY_BAR, [SAMSUNG, HYNIX], "kis", 7)
    counts = load(connection, DAILY_BAR, [replace(SAMSUNG, volume=1001), HYNIX, LETTERS], "kis", 8)
    assert counts == LoadCounts(inserted=1, updated=1, unchanged=1)
    assert [(row[0], row[6], row[10]) for row in stored(database)] == [
        ("0001A0", 5, 8),
        ("000660", 0, 7),
        ("005930", 1001, 8),
    ]
    assert database.rows("SELECT stock_code, old_row ->> 'volume', run_id FROM market.restatement") == [
        ("005930", "1000", 8)
    ]


def test_lower_rank_never_overwrites(database, connection):
    """A provisional bar that contradicts the official one is outranked; one that agrees is unchanged."""
    load(connection, DAILY_BAR, [SAMSUNG, HYNIX], "krx")
    assert load(connection, DAILY_BAR, [replace(SAMSUNG, volume=999), HYNIX], "kis") == LoadCounts(
        unchanged=1, outranked=1
    )
    assert [(row[6], row[9]) for row in stored(database)] == [(0, "krx"), (1000, "krx")]


def test_higher_rank_takes_over(database, connection):
    """The official source confirms one bar and corrects another: both rows now say krx."""
    load(connection, DAILY_BAR, [SAMSUNG, HYNIX], "kis")
    assert load(connection, DAILY_BAR, [replace(SAMSUNG, volume=999), HYNIX], "krx") == LoadCounts(updated=2)
    assert [(row[6], row[9]) for row in stored(database)] == [(0, "krx"), (999, "krx")]


@pytest.mark.parametrize(
    ("lower", "higher"),
    [("kis-virtual", "kis"), ("kis", "krx"), ("mock", "kis-sandbox"), ("kis-sandbox", "krx-sandbox")],
)
def test_order_of_ranks(connection, lower, higher):
    """KRX over kis over kis-virtual, and the same among made-up sources."""
    load(connection, DAILY_BAR, [SAMSUNG], lower)
    assert load(connection, DAILY_BAR, [replace(SAMSUNG, volume=2)], higher) == LoadCounts(updated=1)
    assert load(connection, DAILY_BAR, [SAMSUNG], lower) == LoadCounts(outranked=1)


@pytest.mark.parametrize(
    ("held", "refused"), [("kis", "mock"), ("krx", "kis-sandbox"), ("mock", "kis"), ("kis-sandbox", "krx")]
)
def test_other_kind_is_refused_before_the_first_record(database, connection, held, refused):
    """Made-up rows for a real warehouse, or the reverse, are refused without asking the source for anything."""
    load(connection, DAILY_BAR, [SAMSUNG], held)
    before = stored(database)
    asked = []
    with pytest.raises(SyntheticDataRefusedError, match=refused):
        upsert(connection, DAILY_BAR, (asked.append(bar) for bar in BARS), refused)
    connection.rollback()
    assert asked == []
    assert stored(database) == before


def test_eight_first_loads_of_one_kind(database):
    """Eight loaders that meet in an empty warehouse all get in, without a deadlock."""

    def first(number):
        with database.connect() as connection:
            return load(
                connection, DAILY_BAR, [replace(SAMSUNG, stock_code=f"{number:06d}"), replace(LETTERS, volume=6)]
            )

    with ThreadPoolExecutor(8) as pool:
        total = sum(pool.map(first, range(8)), LoadCounts())
    assert total == LoadCounts(inserted=9, unchanged=7)


def test_two_first_loads_of_different_kinds(database):
    """Real and made-up rows racing into an empty warehouse: one kind gets in, the other is refused."""

    def race(source):
        with database.connect() as connection:
            try:
                return load(connection, DAILY_BAR, BARS, source)
            except SyntheticDataRefusedError:
                return "refused"

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(race, ["kis", "mock"]))
    assert LoadCounts(inserted=3) in results
    assert "refused" in results
    assert len({row[9] for row in stored(database)}) == 1


@pytest.mark.parametrize("twin", [SAMSUNG, replace(SAMSUNG, volume=2)])
def test_one_key_twice_is_refused(database, connection, twin):
    """Two records of one cell, equal or not, are an error naming the cell, whether or not it is stored already."""
    with pytest.raises(LoadError, match="stock_code 005930, session 2026-09-14"):
        upsert(connection, DAILY_BAR, [SAMSUNG, HYNIX, twin], "kis")
    connection.rollback()
    assert stored(database) == []
    load(connection, DAILY_BAR, [SAMSUNG])
    with pytest.raises(LoadError, match="stock_code 005930"):
        upsert(connection, DAILY_BAR, [SAMSUNG, twin], "kis")


def test_rollback_leaves_the_table(database, connection):
    """Until the caller commits nothing is stored, and after a rollback nothing is."""
    load(connection, DAILY_BAR, [SAMSUNG])
    before = stored(database)
    upsert(connection, DAILY_BAR, [replace(SAMSUNG, volume=2), HYNIX], "kis")
    assert stored(database) == before
    connection.rollback()
    assert stored(database) == before
    assert load(connection, DAILY_BAR, [HYNIX]) == LoadCounts(inserted=1)


def test_error_of_the_source_comes_out_as_it_is(database, connection):
    """When the source fails in the middle, its own error arrives and nothing is stored."""

    def failing():
        yield SAMSUNG
        raise PayloadError("the answer is cut short")

    with pytest.raises(PayloadError, match="cut short"):
        upsert(connection, DAILY_BAR, failing(), "kis")
    connection.rollback()
    assert stored(database) == []


def test_no_record_is_no_load(connection):
    """An empty load counts nothing and leaves the warehouse open to either kind."""
    assert load(connection, DAILY_BAR, []) == LoadCounts()
    assert load(connection, DAILY_BAR, BARS, "mock") == LoadCounts(inserted=3)


def test_two_loads_in_one_transaction(connection):
    """A second load of the same table does not see the first one's staged rows again."""
    assert upsert(connection, DAILY_BAR, [SAMSUNG], "kis") == LoadCounts(inserted=1)
    assert upsert(connection, DAILY_BAR, [HYNIX], "kis") == LoadCounts(inserted=1)
    assert upsert(connection, DAILY_BAR, [SAMSUNG, HYNIX], "kis") == LoadCounts(unchanged=2)


def test_bar_that_postgres_refuses_is_named(connection):
    """A number too large for the column is a load error in one sentence that shows the value."""
    with pytest.raises(LoadError, match=f"daily_bar from kis: Postgres refused the rows: .*{10**20}"):
        upsert(connection, DAILY_BAR, [replace(SAMSUNG, volume=10**20)], "kis")


def test_session_out_of_this_world_is_refused(connection):
    """A bar of the year 9999 makes no partition."""
    with pytest.raises(LoadError, match="9999"):
        upsert(connection, DAILY_BAR, [replace(SAMSUNG, session=date(9999, 1, 1))], "kis")


def test_unknown_source_is_refused(connection):
    """A source outside the vocabulary is refused."""
    with pytest.raises(LoadError, match="known_source"):
        upsert(connection, DAILY_BAR, [SAMSUNG], "naver")


def test_autocommit_is_refused(connection):
    """Without a transaction there is no load."""
    connection.autocommit = True
    with pytest.raises(InvalidRequestError, match="autocommit"):
        upsert(connection, DAILY_BAR, [SAMSUNG], "kis")


def test_reader_may_not_load(database):
    """The reader is told that it may not."""
    with database.connect("reader") as connection, pytest.raises(ConfigurationError, match="may not load"):
        upsert(connection, DAILY_BAR, [SAMSUNG], "kis")


def test_database_without_schema_is_told_apart(server):
    """A database that was never migrated is a configuration error, not a load error."""
    connection = psycopg2.connect(server.url("postgres", "admin"))
    try:
        with pytest.raises(ConfigurationError, match="not migrated"):
            upsert(connection, DAILY_BAR, [SAMSUNG], "kis")
    finally:
        connection.close()


def test_lost_connection_is_transient(database, connection):
    """A connection that the server ends in the middle is worth another try, which then succeeds."""
    with database.connect("admin") as admin, admin.cursor() as cursor:

        def ended():
            yield SAMSUNG
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))
            yield HYNIX

        with pytest.raises(ConnectionFailedError):
            upsert(connection, DAILY_BAR, ended(), "kis")
    with database.connect() as again:
        assert load(again, DAILY_BAR, [SAMSUNG, HYNIX]) == LoadCounts(inserted=2)


@pytest.mark.thorough
def test_many_rows_stream_through(database, connection):
    """60,000 bars of several blocks of COPY text arrive whole from an iterator read once."""
    bars = (replace(SAMSUNG, stock_code=f"{n:06d}", volume=n) for n in range(60000))
    assert load(connection, DAILY_BAR, bars) == LoadCounts(inserted=60000)
    assert database.rows("SELECT count(*), sum(volume) FROM market.daily_bar") == [(60000, 1799970000)]


@pytest.mark.thorough
def test_writers_of_the_same_keys_in_different_orders(database):
    """Four loaders bring the same 2,000 bars in different orders, round after round: none fails, none is lost."""
    bars = [replace(SAMSUNG, stock_code=f"{n:06d}") for n in range(2000)]
    orders = [bars, bars[::-1], bars[1000:] + bars[:1000], bars[::2] + bars[1::2]]
    with database.connect() as connection:
        load(connection, DAILY_BAR, [LETTERS])

    def write(writer):
        with database.connect() as connection:
            return [
                load(connection, DAILY_BAR, [replace(bar, volume=10 * turn + 1) for bar in orders[writer]])
                for turn in range(3)
            ]

    with ThreadPoolExecutor(4) as pool:
        rounds = list(pool.map(write, range(4)))
    assert {counts.loaded for turns in rounds for counts in turns} == {2000}
    assert sum(counts.inserted for turns in rounds for counts in turns) == 2000
    assert database.rows("SELECT count(*), count(DISTINCT stock_code) FROM market.daily_bar") == [(2001, 2001)]


def test_minutes_prices_books_and_days(database, connection):
    """Every other record arrives as it was given, tabs and backslashes in names included; again changes nothing."""
    minute = MinuteBar("005930", datetime(2026, 9, 14, 9, 0, tzinfo=SEOUL), 70000, 70100, 69900, 70000, 10, 700000)
    loads = [
        (MINUTE_BAR, minute),
        (PRICE_SNAPSHOT, PRICE),
        (ORDER_BOOK, BOOK),
        (TRADING_SESSION, MarketDay(DAY, is_open=True)),
    ]
    assert [load(connection, table, [record]) for table, record in loads] == [LoadCounts(inserted=1)] * 4
    assert [load(connection, table, [record]) for table, record in loads] == [LoadCounts(unchanged=1)] * 4
    moment = datetime(2026, 9, 14, 10, 0, tzinfo=SEOUL)
    assert database.rows("SELECT at, session, close FROM market.minute_bar") == [(minute.at, DAY, 70000)]
    assert database.rows(
        "SELECT observed_at, session, stock_name, change_rate::text, market_cap FROM market.price_snapshot"
    ) == [(moment, DAY, "삼성\t전자\\N", "2.04", None)]
    assert database.rows("SELECT bid_prices, bid_volumes, ask_prices, ask_volumes FROM market.order_book") == [
        ([70900], [5], [71000, 71100], [7, 0])
    ]
    assert database.rows("SELECT day, is_open FROM market.trading_session") == [(DAY, True)]


@pytest.mark.thorough
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip),
    shares=st.none() | st.integers(0, 2**63 - 1),
)
def test_any_name_survives_the_copy(connection, name, shares):
    """Whatever characters a name has, it is read back as it was written."""
    instrument = Instrument("005930", "KR7005930003", name, "KOSPI", "ST", DAY, listed_shares=shares)
    try:
        keep_some(connection, [instrument], "kis")
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, listed_shares FROM market.instrument")
            assert cursor.fetchone() == (name, shares)
    finally:
        connection.rollback()
