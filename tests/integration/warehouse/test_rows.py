"""What the schema keeps out and what its functions and views say, asked in plain SQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timezone

import pytest
from psycopg2 import errors

BAR = ("005930", "2026-09-14", 70000, 71500, 69900, 71000, 1000, 70500000, 1420, "mock")
INSERT_BAR = (
    "INSERT INTO market.daily_bar (stock_code, session, open, high, low, close, volume, trading_value, change, source)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
INSERT_MINUTE = (
    "INSERT INTO market.minute_bar (stock_code, at, session, open, high, low, close, volume, trading_value, source)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'mock')"
)
INSERT_BOOK = (
    "INSERT INTO market.order_book (stock_code, observed_at, session, stock_name, bid_prices, bid_volumes, ask_prices,"
    " ask_volumes, total_bid_volume, total_ask_volume, source)"
    " VALUES ('005930', '2026-09-14 10:00+09', '2026-09-14', 'x', %s, %s, %s, %s, 1, 1, 'mock')"
)
INSERT_INSTRUMENT = (
    "INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, halted, managed,"
    " liquidation, preferred, source)"
    " VALUES (%s, 'KR7005930003', %s, %s, 'ST', %s, %s, false, false, false, false, 'mock')"
)


@pytest.fixture(scope="module")
def prepared(shared):
    """An empty warehouse open to made-up rows, with partitions for September 2026."""
    with shared.connect("loader") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
        for table in ("daily_bar", "minute_bar", "order_book"):
            cursor.execute("SELECT market.ensure_partitions(%s, '2026-09-01', '2026-09-30')", (table,))
        connection.commit()
        yield connection


@pytest.fixture
def loader(prepared):
    """A cursor of the loader whose changes are rolled back."""
    with prepared.cursor() as cursor:
        yield cursor
    prepared.rollback()


def changed(**changes):
    """The right bar with some values changed."""
    names = ("stock_code", "session", "open", "high", "low", "close", "volume", "trading_value", "change", "source")
    return tuple(changes.get(name, value) for name, value in zip(names, BAR, strict=True))


def test_right_bars_enter(loader):
    """A traded bar and one without a trade (open, high, low, volume 0) are stored."""
    loader.execute(INSERT_BAR, BAR)
    loader.execute(INSERT_BAR, changed(stock_code="0001A0", open=0, high=0, low=0, volume=0, trading_value=0))
    loader.execute("SELECT count(*) FROM market.daily_bar")
    assert loader.fetchone() == (2,)


@pytest.mark.parametrize(
    "changes",
    [
        {"stock_code": "5930"},
        {"stock_code": "00593a"},
        {"stock_code": "005930\n"},
        {"high": 69000},
        {"low": 71200},
        {"open": 0},
        {"open": 0, "high": 0},
        {"close": 0},
        {"close": 71501},
        {"volume": -1},
        {"trading_value": -1},
        {"change": 71000},
        {"source": "naver"},
        {"session": "1950-01-01"},
    ],
)
def test_bad_bars_stay_out(loader, changes):
    """A malformed code, contradictory prices, an unknown source or an impossible session is refused."""
    with pytest.raises(errors.CheckViolation):
        loader.execute(INSERT_BAR, changed(**changes))


@pytest.mark.parametrize(
    ("at", "session"), [("2026-09-14 23:30+00", "2026-09-14"), ("2026-09-14 09:00:30+09", "2026-09-14")]
)
def test_minute_off_its_session_or_off_the_minute_stays_out(loader, at, session):
    """A minute must lie in its session by Seoul's clock and begin on a whole minute."""
    with pytest.raises(errors.CheckViolation):
        loader.execute(INSERT_MINUTE, ("005930", at, session, 1, 1, 1, 1, 1, 1))


@pytest.mark.parametrize(
    "sides",
    [
        ([100, 101], [1, 1], [102], [1]),
        ([100], [1], [103, 102], [1, 1]),
        ([100, 100], [1, 1], [], []),
        ([100], [1, 2], [], []),
        ([0], [1], [], []),
        ([100], [-1], [], []),
        (list(range(111, 100, -1)), [1] * 11, [], []),
    ],
)
def test_bad_books_stay_out(loader, sides):
    """Bids fall, asks rise, prices are positive, volumes match and there are ten levels at most."""
    with pytest.raises(errors.CheckViolation):
        loader.execute(INSERT_BOOK, tuple([f"{{{','.join(map(str, side))}}}" for side in sides]))


def test_empty_book_enters(loader):
    """A book without orders is stored as empty sides."""
    loader.execute(INSERT_BOOK, ("{}", "{}", "{}", "{}"))
    loader.execute("SELECT bid_prices, ask_prices FROM market.order_book")
    assert loader.fetchone() == ([], [])


def test_unmade_partition_refuses_rows(loader):
    """A row of a month without partition is refused until the partition is made."""
    with pytest.raises(errors.CheckViolation, match="no partition"):
        loader.execute(INSERT_BAR, changed(session="2026-10-01"))


def test_partitions_are_made_once_each_month(loader):
    """Three months are made at the first call, none at the second, one when the range grows by a month."""
    calls = [("2025-11-30", "2026-01-01"), ("2025-11-01", "2026-01-31"), ("2025-12-01", "2026-02-01")]
    made = []
    for first, last in calls:
        loader.execute("SELECT market.ensure_partitions('order_book', %s, %s)", (first, last))
        made.append(loader.fetchone()[0])
    assert made == [3, 0, 1]


def test_partitions_made_by_eight_at_once(database):
    """Eight loaders asking for the same twelve months at once make twelve partitions between them."""

    def make(_):
        with database.connect("loader") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT market.ensure_partitions('minute_bar', '2025-01-01', '2025-12-31')")
            connection.commit()
            return cursor.fetchone()[0]

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(make, range(8))) == 12


@pytest.mark.parametrize(
    ("table", "first", "last"),
    [
        ("instrument", "2026-09-01", "2026-09-30"),
        ("daily_bar; DROP TABLE market.order_book", "2026-09-01", "2026-09-30"),
        ("daily_bar", "2026-09-30", "2026-09-01"),
        ("daily_bar", "0001-01-01", "2026-09-01"),
        ("daily_bar", "2026-09-01", "9999-01-01"),
        ("daily_bar", None, "2026-09-01"),
    ],
)
def test_absurd_partitions_are_refused(loader, table, first, last):
    """Another table, a reversed range or a date out of this world makes nothing."""
    with pytest.raises(errors.InvalidParameterValue):
        loader.execute("SELECT market.ensure_partitions(%s, %s, %s)", (table, first, last))


def test_fresh_warehouse_takes_rows_of_no_kind(database):
    """Nobody gets round market.admit_source: until it was called a plain INSERT is refused."""
    statement = "INSERT INTO market.trading_session VALUES ('2026-09-14', true, 'kis')"
    with (
        database.connect("owner") as connection,
        connection.cursor() as cursor,
        pytest.raises(errors.CheckViolation, match="real_or_made_up"),
    ):
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("held", "refused"), [("kis", "mock"), ("mock", "kis"), ("krx", "kis-sandbox"), ("krx-sandbox", "kis-virtual")]
)
def test_kinds_never_meet(database, held, refused):
    """With rows of one kind stored, the other kind is refused by the function and by the table itself."""
    with database.connect("owner") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source(%s)", (held,))
        cursor.execute("INSERT INTO market.trading_session VALUES ('2026-09-14', true, %s)", (held,))
        connection.commit()
        with pytest.raises(errors.DatabaseError) as caught:
            cursor.execute("SELECT market.admit_source(%s)", (refused,))
        assert caught.value.pgcode == "DP001"
        connection.rollback()
        with pytest.raises(errors.CheckViolation, match="real_or_made_up"):
            cursor.execute("INSERT INTO market.trading_session VALUES ('2026-09-15', true, %s)", (refused,))


def test_failed_first_load_does_not_decide_the_kind(database):
    """A warehouse that was opened for made-up rows but holds none takes real ones."""
    with database.connect("loader") as connection, connection.cursor() as cursor:
        for source in ("mock", "kis"):
            cursor.execute("SELECT market.admit_source(%s)", (source,))
            connection.commit()
        cursor.execute("INSERT INTO market.trading_session VALUES ('2026-09-14', true, 'kis')")
        connection.commit()
    assert database.rows("SELECT kind FROM market.warehouse_kind") == [("real",)]


def test_weekly_and_monthly_bars(loader):
    """A week opens with its first traded session, closes with its last, adds volumes and skips halted prices."""
    sessions = [
        ("2026-09-14", 0, 0, 0, 100, 0, 0, 0),
        ("2026-09-15", 101, 110, 99, 105, 10, 1000, 5),
        ("2026-09-18", 105, 108, 95, 96, 20, 2000, -9),
        ("2026-09-21", 96, 97, 90, 91, 5, 500, -5),
    ]
    for session, *values in sessions:
        loader.execute(INSERT_BAR, ("005930", session, *values, "mock"))
    loader.execute(
        "SELECT week, session, open, high, low, close, volume, trading_value, sessions"
        " FROM market.weekly_bar ORDER BY week"
    )
    assert loader.fetchall() == [
        (date(2026, 9, 14), date(2026, 9, 18), 101, 110, 95, 96, 30, 3000, 3),
        (date(2026, 9, 21), date(2026, 9, 21), 96, 97, 90, 91, 5, 500, 1),
    ]
    loader.execute("SELECT month, session, open, high, low, close, volume, sessions FROM market.monthly_bar")
    assert loader.fetchall() == [(date(2026, 9, 1), date(2026, 9, 21), 101, 110, 90, 91, 35, 4)]


def test_five_and_thirty_minute_bars(loader):
    """Minutes 09:00 to 09:04 make one five-minute bar; the closing auction at 15:30 stands alone."""
    minutes = [
        ("09:00", 100, 104, 99, 103, 10, 1000),
        ("09:04", 103, 103, 98, 100, 5, 500),
        ("09:05", 100, 107, 100, 106, 1, 106),
        ("15:30", 106, 106, 106, 106, 7, 742),
    ]
    for at, *values in minutes:
        loader.execute(INSERT_MINUTE, ("005930", f"2026-09-14 {at}+09", "2026-09-14", *values))
    columns = "at, open, high, low, close, volume, trading_value"
    loader.execute(f"SELECT {columns}, minutes FROM market.minute_bar_5 ORDER BY at")
    assert loader.fetchall() == [
        (datetime(2026, 9, 14, 0, 0, tzinfo=timezone.utc), 100, 104, 98, 100, 15, 1500, 2),
        (datetime(2026, 9, 14, 0, 5, tzinfo=timezone.utc), 100, 107, 100, 106, 1, 106, 1),
        (datetime(2026, 9, 14, 6, 30, tzinfo=timezone.utc), 106, 106, 106, 106, 7, 742, 1),
    ]
    loader.execute(f"SELECT {columns} FROM market.minute_bar_30 ORDER BY at")
    assert loader.fetchall() == [
        (datetime(2026, 9, 14, 0, 0, tzinfo=timezone.utc), 100, 107, 98, 106, 16, 1606),
        (datetime(2026, 9, 14, 6, 30, tzinfo=timezone.utc), 106, 106, 106, 106, 7, 742),
    ]


def test_session_is_final_at_eight_in_the_evening_since_the_after_market(loader):
    """Figures are final at 18:00 in Seoul before 2026-09-14 and at 20:00 from then on."""
    loader.execute("SELECT market.final_at('2026-09-11'), market.final_at('2026-09-14')")
    assert loader.fetchone() == (
        datetime(2026, 9, 11, 9, 0, tzinfo=timezone.utc),
        datetime(2026, 9, 14, 11, 0, tzinfo=timezone.utc),
    )


def test_changed_bar_leaves_its_old_version(loader):
    """An UPDATE of a bar keeps what it said before; inserting keeps nothing."""
    loader.execute(INSERT_BAR, BAR)
    loader.execute("UPDATE market.daily_bar SET close = 71100, source = 'kis-sandbox', run_id = 7")
    loader.execute("SELECT stock_code, old_row ->> 'close', old_source, source, run_id FROM market.restatement")
    assert loader.fetchall() == [("005930", "71000", "mock", "kis-sandbox", 7)]
