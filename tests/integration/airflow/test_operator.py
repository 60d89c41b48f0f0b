"""The operator against a real Postgres: what it loads, what it refuses, and what a failure leaves behind.

Facts: 22 September 2026 is a Tuesday and a session; 27 September is a Sunday after Chuseok, the last session being the
23rd.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import closing
from datetime import date, datetime
from types import SimpleNamespace
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg2
import pytest

from data_pipeline.exceptions import (
    CodesFailedError,
    ConfigurationError,
    IncompleteDataError,
    InvalidRequestError,
    PayloadError,
    RequestTimeoutError,
    SyntheticDataRefusedError,
)
from data_pipeline.local.environment import postgres_connection_json
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.datasets import DATASETS
from data_pipeline.operators.load_window import load_window, load_windows
from data_pipeline.operators.window_load import Run
from data_pipeline.operators.windows import Window
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.trading_calendar import SEOUL
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.migrate import migrate

TUESDAY = date(2026, 9, 22)
CODES = ("000660", "005930")
EVENING = "2026-09-22T20:40:00+09:00"


@pytest.fixture(scope="module")
def template(postgres):
    """A migrated, empty warehouse to copy."""
    postgres.create_database("operator_template")
    migrate(postgres.url("operator_template"))


@pytest.fixture
def warehouse(postgres, template):
    """An empty warehouse for one test, and the connections to it and to the market."""
    name = f"operator_{uuid4().hex}"
    with closing(psycopg2.connect(postgres.url("postgres", "admin"))) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE operator_template OWNER market_owner")
    url = postgres.url(name, "owner")
    before = dict(os.environ)
    os.environ["AIRFLOW_CONN_MARKET_DB"] = postgres_connection_json(url)
    os.environ["AIRFLOW_CONN_MOCK_DEFAULT"] = json.dumps({"conn_type": "mock", "extra": {"now": EVENING}})
    with closing(connect(url)) as connection:
        yield connection
    os.environ.clear()
    os.environ.update(before)


def execute(dataset, context=None, **arguments):
    """Run one operator outside any DAG."""
    operator = DataSourceToPostgresOperator(
        task_id="load", **{"source_conn_id": "mock_default"} | arguments, dataset=dataset
    )
    return operator.execute(context or {})


def query(connection, sql):
    """Rows, as of now."""
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def market(now=EVENING):
    """The synthetic market at a fixed time."""
    moment = datetime.fromisoformat(now)
    return MockDataSource(clock=lambda: moment)


class Altered(MockDataSource):
    """The synthetic market with its daily bars passed through a function."""

    def __init__(self, alter, name="mock"):
        super().__init__(clock=lambda: datetime.fromisoformat(EVENING))
        self.alter = alter
        self.name = name

    def daily_bars(self, stock_codes, first, last):
        """Yield what the function makes of the true bars."""
        return self.alter(super().daily_bars(stock_codes, first, last))


def load_bars(connection, source, first=TUESDAY):
    """Load the daily bars of two codes."""
    return load_window(connection, source, DATASETS["daily_bar"], Window(CODES, first, TUESDAY), Run("dag", "task"))


def load_instruments(connection):
    """Load the list of issues of the session."""
    load_window(connection, market(), DATASETS["instrument"], Window((), TUESDAY, TUESDAY), Run())


@pytest.mark.parametrize(
    ("dataset", "arguments", "table"),
    [
        ("trading_session", {}, "trading_session"),
        ("instrument", {}, "instrument"),
        ("daily_bar", {"stock_codes": "005930,000660"}, "daily_bar"),
        ("minute_bar", {"stock_codes": ["005930"]}, "minute_bar"),
        ("price_snapshot", {"stock_codes": ["005930"]}, "price_snapshot"),
        ("order_book", {"stock_codes": ["005930"]}, "order_book"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_dataset_loads_and_loads_again_unchanged(warehouse, dataset, arguments, table):
    """What the first run inserted, the second finds as it is; the XCom value holds nothing but whole numbers."""
    once = execute(dataset, first="2026-09-22", **arguments)
    twice = execute(dataset, first="2026-09-22", **arguments)
    assert all(type(value) is int for value in once.values())
    assert once["inserted"] == query(warehouse, f"SELECT count(*) FROM market.{table}")[0][0] > 0
    assert (twice["inserted"], twice["updated"], twice["unchanged"]) == (0, 0, once["inserted"])


def test_a_long_range_is_loaded_window_by_window(warehouse):
    """Two codes on seven sessions, three rows at a time: five windows, fourteen rows, each on record."""
    counts = execute("daily_bar", stock_codes=CODES, first="2026-09-14", last="2026-09-22", window_rows=3)
    assert counts["inserted"] == 14
    assert counts["windows"] == len(query(warehouse, "SELECT 1 FROM market.ingest_run")) == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dataset": "trades"}, "dataset must be one of trading_session, instrument"),
        ({"source_conn_id": "market_db"}, "type 'postgres' is no source of market data; kis, mock are"),
        ({"source_conn_id": "nowhere"}, "source_conn_id 'nowhere'"),
        ({"postgres_conn_id": "mock_default"}, "'mock_default' must be of type postgres"),
        ({"stock_codes": None}, "daily_bar needs stock_codes"),
        ({"first": "22.09.2026"}, "first must be a date"),
        ({"last": "2026-09-21"}, "no session of the exchange lies between 2026-09-22 and 2026-09-21"),
        ({"dataset": "instrument"}, "instrument takes no stock_codes"),
    ],
    ids=["dataset", "source type", "source", "warehouse", "codes", "date", "reversed", "unwanted codes"],
)
def test_a_wrong_argument_is_named(warehouse, change, words):
    """Each is a permanent error, raised before anything is asked for or written."""
    arguments = {"dataset": "daily_bar", "stock_codes": CODES, "first": "2026-09-22"} | change
    with pytest.raises((ConfigurationError, InvalidRequestError), match=words):
        execute(**arguments)
    assert query(warehouse, "SELECT count(*) FROM market.ingest_run") == [(0,)]


def test_a_session_that_is_not_final_is_refused(warehouse):
    """At 19:59 the volume of the day still grows; half a day would look like a whole one."""
    run = SimpleNamespace(run_after=datetime(2026, 9, 22, 19, 59, tzinfo=SEOUL))
    with pytest.raises(InvalidRequestError, match="final only up to 2026-09-21"):
        execute("daily_bar", {"params": {"session": "2026-09-22"}, "dag_run": run}, stock_codes=CODES)


def test_the_session_comes_from_the_run(warehouse):
    """Without first and last it is the day of the data interval in Seoul."""
    context = {"params": {}, "data_interval_start": datetime(2026, 9, 20, 15, 0, tzinfo=ZoneInfo("UTC"))}
    execute("daily_bar", context, stock_codes=CODES)
    assert query(warehouse, "SELECT DISTINCT session FROM market.daily_bar") == [(date(2026, 9, 21),)]


def test_a_quote_on_a_sunday_belongs_to_the_session_before(warehouse):
    """Its time is kept as it is; its session is the last one that traded."""
    source = market("2026-09-27T13:00:00+09:00")
    load_window(warehouse, source, DATASETS["order_book"], Window(CODES, date(2026, 9, 27), date(2026, 9, 27)), Run())
    assert query(warehouse, "SELECT DISTINCT session FROM market.order_book") == [(date(2026, 9, 23),)]


def test_a_missing_bar_is_counted_and_the_others_are_loaded(warehouse):
    """The list of issues says that two bars must exist; one came."""
    load_instruments(warehouse)
    counts = load_bars(warehouse, Altered(lambda bars: (bar for bar in bars if bar.stock_code == "005930")))
    assert (counts["inserted"], counts["missing"]) == (1, 1)
    assert query(
        warehouse, "SELECT rows_expected, rows_inserted FROM market.ingest_run WHERE dataset = 'daily_bar'"
    ) == [(2, 1)]


def test_a_session_without_any_bar_is_refused(warehouse):
    """Two issues are listed and none has a bar: the source left the day out."""
    load_instruments(warehouse)
    with pytest.raises(IncompleteDataError, match="2026-09-22"):
        load_bars(warehouse, Altered(lambda bars: iter(())))


def test_a_failure_loads_nothing_and_says_why(warehouse):
    """The source breaks off after the first bar: no row of the window comes, older ones stay, the reason is told."""
    load_bars(warehouse, market(), first=date(2026, 9, 21))

    def broken(bars):
        yield next(iter(bars))
        raise PayloadError("005930: stck_clpr is not a number")

    with pytest.raises(PayloadError):
        load_bars(warehouse, Altered(broken), first=date(2026, 9, 17))
    assert query(warehouse, "SELECT count(*), min(session) FROM market.daily_bar") == [(4, date(2026, 9, 21))]
    assert query(warehouse, "SELECT status, dag_id, error FROM market.ingest_run ORDER BY run_id DESC LIMIT 1") == [
        ("failed", "dag", "PayloadError: 005930: stck_clpr is not a number")
    ]


def test_a_bar_that_was_not_asked_for_is_refused(warehouse):
    """A bar of another day would overwrite a neighbour."""

    def shifted(bars):
        codes = [bar.stock_code for bar in bars]
        return MockDataSource(clock=lambda: datetime.fromisoformat(EVENING)).daily_bars(
            codes, date(2026, 9, 21), date(2026, 9, 21)
        )

    with pytest.raises(PayloadError, match="2026-09-21"):
        load_bars(warehouse, Altered(shifted))


def test_real_rows_are_kept_out_of_a_made_up_warehouse(warehouse):
    """The first rows decide what kind of warehouse it is."""
    load_bars(warehouse, market())
    with pytest.raises(SyntheticDataRefusedError):
        load_bars(warehouse, Altered(lambda bars: bars, name="kis"))
    assert query(warehouse, "SELECT DISTINCT source::text FROM market.daily_bar") == [("mock",)]


MANY = ("000270", "000660", "005380", "005930", "035420")


class OneBad(MockDataSource):
    """The synthetic market, in which one code's bars cannot be read."""

    def __init__(self, bad="035420", error=PayloadError):
        super().__init__(clock=lambda: datetime.fromisoformat(EVENING))
        self.bad, self.error = bad, error
        self.asked = []

    def daily_bars(self, stock_codes, first, last):
        """Yield the true bars, after the error of the bad code."""
        self.asked += stock_codes
        if self.bad in stock_codes:
            raise self.error(f"{self.bad}: stck_clpr is not a number")
        return super().daily_bars(stock_codes, first, last)


class AllBad(OneBad):
    """A source whose every answer is malformed."""

    def daily_bars(self, stock_codes, first, last):
        """Refuse."""
        self.asked += stock_codes
        raise PayloadError("the answer has no output")


def load_many(connection, source, sessions_a_window=1):
    """Load the bars of five codes on two sessions, in windows of one or both."""
    days = [date(2026, 9, 21), TUESDAY]
    ranges = [(days[0], days[1])] if sessions_a_window == 2 else [(day, day) for day in days]
    windows = [Window(MANY, *one) for one in ranges]
    return [counts for _, counts in load_windows(connection, source, DATASETS["daily_bar"], windows, Run(), threads=1)]


def test_one_bad_code_is_listed_and_the_others_are_loaded(warehouse):
    """Four codes on two sessions are there, the fifth is named, its run says so, and it is asked for once."""
    source = OneBad()
    with pytest.raises(CodesFailedError, match=r"1 of 5 stock codes failed.*035420: PayloadError"):
        load_many(warehouse, source, sessions_a_window=2)
    assert query(warehouse, "SELECT count(*), count(DISTINCT stock_code) FROM market.daily_bar") == [(8, 4)]
    [(status, error)] = query(warehouse, "SELECT status, error FROM market.ingest_run")
    assert (status, error) == (
        "success",
        "1 of 5 stock codes failed, the others are loaded: 035420: PayloadError: 035420: stck_clpr is not a number",
    )
    assert source.asked.count("035420") == 1


def test_the_task_fails_unless_it_may(warehouse):
    """A listed issue that does not exist at the source fails the task at its end; allowed, it is counted."""
    arguments = {"stock_codes": ["005930", "999990"], "first": "2026-09-22"}
    with pytest.raises(CodesFailedError, match="999990"):
        execute("daily_bar", **arguments)
    counts = execute("daily_bar", **arguments, failed_codes_allowed=1)
    assert (counts["failed"], counts["unchanged"]) == (1, 1)


def test_a_server_that_goes_away_fails_the_window_as_a_whole(warehouse):
    """What may pass by itself is not a matter of one code: nothing of the window is loaded, and no run stays open."""
    with pytest.raises(RequestTimeoutError):
        load_many(warehouse, OneBad(bad="005380", error=RequestTimeoutError))
    assert query(warehouse, "SELECT count(*) FROM market.daily_bar") == [(0,)]
    assert {row[0] for row in query(warehouse, "SELECT status FROM market.ingest_run")} == {"failed"}


def test_windows_begun_before_a_failure_say_so(warehouse):
    """The second window is under way when the first one is refused: both end, the second because of the first."""
    load_instruments(warehouse)
    with pytest.raises(IncompleteDataError):
        load_many(warehouse, Altered(lambda bars: iter(())))
    found = query(warehouse, "SELECT error FROM market.ingest_run WHERE dataset = 'daily_bar'")
    errors = sorted(error for (error,) in found)
    assert len(errors) == 2
    assert errors[0].startswith("IncompleteDataError: not one bar")
    assert errors[1].startswith("given up: not one bar")


def test_a_source_at_which_everything_fails_is_not_asked_to_the_end(warehouse):
    """After 21 of 40 codes nobody believes that it is the codes."""
    source = AllBad()
    codes = tuple(f"{number:06d}" for number in range(40))
    windows = [Window(codes[start : start + 4], TUESDAY, TUESDAY) for start in range(0, len(codes), 4)]
    with pytest.raises(PayloadError):
        list(load_windows(warehouse, source, DATASETS["daily_bar"], windows, Run(), threads=1, rows_ahead=1))
    assert len(source.asked) < 40


def test_no_thread_outlives_a_load(warehouse):
    """Neither a finished load nor a failed one leaves a thread."""
    load_many(warehouse, market())
    with pytest.raises(RequestTimeoutError):
        load_many(warehouse, OneBad(error=RequestTimeoutError))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]
