"""The operator against a real Postgres: what it loads, what it refuses, and what a failure leaves behind.

Facts: 22 September 2026 is a Tuesday and a session; 27 September is a Sunday after Chuseok, the last session being the
23rd.
"""

from __future__ import annotations

import os
from datetime import date, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import (
    CodesFailedError,
    ConfigurationError,
    IncompleteDataError,
    InvalidRequestError,
    PayloadError,
    SyntheticDataRefusedError,
    WindowRefusedError,
)
from data_pipeline.market.dataset_names import WITH_PAST
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.fill_gaps import FillGapsOperator
from data_pipeline.operators.planning import plan_minutes
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.warehouse.calendar_table import keep_sessions

TUESDAY = date(2026, 9, 22)
CODES = ("000660", "005930")
EVENING = "2026-09-22T20:40:00+09:00"


def execute(dataset, context=None, operator=DataSourceToPostgresOperator, **arguments):
    """Run one operator outside any DAG."""
    operator = operator(task_id="load", **{"source_conn_id": "mock_default"} | arguments, dataset=dataset)
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
    """Load the list of instruments of the session."""
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
        ({"dataset": "trades"}, "dataset must be one of daily_bar, minute_bar"),
        ({"source_conn_id": "market_db"}, "type 'postgres' is no source of market data; kis, krx, mock are"),
        ({"source_conn_id": "nowhere"}, "connection 'nowhere': there is none of that name"),
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


def test_a_running_session_is_loaded_when_that_is_asked_for(warehouse):
    """Half a day of minutes is what a run in session wants; at 19:59 the session is not final."""
    run = SimpleNamespace(run_after=datetime(2026, 9, 22, 19, 59, tzinfo=SEOUL), run_type="scheduled")
    context = {"params": {"session": "2026-09-22"}, "dag_run": run}
    assert execute("minute_bar", context, stock_codes=["005930"], running_session=True)["inserted"] == 381


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("due", "codes"),
    [("15:30", [["005930"], ["000660"]]), ("15:31", "all"), ("20:40", "all")],
    ids=["at the close", "after it", "in the evening"],
)
def test_minutes_of_the_whole_market_are_planned_after_the_close(warehouse, due, codes):
    """The run's own moment decides between the watch list and every listed instrument."""
    load_instruments(warehouse)
    os.environ["WATCH_LIST"] = "005930,000660"
    moment = datetime.fromisoformat(f"2026-09-22T{due}+09:00")
    plan = plan_minutes(
        {
            "params": {"stock_codes": [], "chunk_size": 1 if codes != "all" else 300},
            "data_interval_start": datetime(2026, 9, 22, 11, tzinfo=SEOUL),
            "dag_run": SimpleNamespace(run_after=moment, run_type="scheduled"),
        },
        "mock_default",
    )
    listed = [code for (code,) in query(warehouse, "SELECT stock_code FROM market.instrument ORDER BY stock_code")]
    assert plan == codes if codes != "all" else [code for chunk in plan for code in chunk] == listed
    assert max(map(len, plan)) <= 300


def test_a_session_that_is_not_final_is_refused(warehouse):
    """At 19:59 the volume of the day still grows; half a day would look like a whole one."""
    run = SimpleNamespace(run_after=datetime(2026, 9, 22, 19, 59, tzinfo=SEOUL), run_type="scheduled")
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


@pytest.mark.thorough
def test_a_missing_bar_is_counted_and_the_others_are_loaded(warehouse):
    """The list of instruments says that two bars must exist; one came."""
    load_instruments(warehouse)
    counts = load_bars(warehouse, Altered(lambda bars: (bar for bar in bars if bar.stock_code == "005930")))
    assert (counts["inserted"], counts["missing"]) == (1, 1)
    assert query(
        warehouse, "SELECT rows_expected, rows_inserted FROM market.ingest_run WHERE dataset = 'daily_bar'"
    ) == [(2, 1)]


@pytest.mark.thorough
def test_a_session_without_any_bar_is_refused(warehouse):
    """Two instruments are listed and none has a bar: the source left the day out."""
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


@pytest.mark.thorough
def test_a_bar_that_was_not_asked_for_is_refused(warehouse):
    """A bar of another day would overwrite a neighbour; it goes to quarantine, and a window of nothing else fails."""

    def shifted(bars):
        codes = [bar.stock_code for bar in bars]
        return MockDataSource(clock=lambda: datetime.fromisoformat(EVENING)).daily_bars(
            codes, date(2026, 9, 21), date(2026, 9, 21)
        )

    with pytest.raises(WindowRefusedError, match=r"2 of 2 rows are wrong.*2026-09-21"):
        load_bars(warehouse, Altered(shifted))
    assert query(warehouse, "SELECT stock_code, session, reason FROM market.rejected_row ORDER BY 1") == [
        (code, date(2026, 9, 21), "day: 2026-09-21 is outside 2026-09-22 to 2026-09-22") for code in CODES
    ]


def test_real_rows_are_kept_out_of_a_made_up_warehouse(warehouse):
    """The first rows decide what kind of warehouse it is."""
    load_bars(warehouse, market())
    with pytest.raises(SyntheticDataRefusedError):
        load_bars(warehouse, Altered(lambda bars: bars, name="kis"))
    assert query(warehouse, "SELECT DISTINCT source::text FROM market.daily_bar") == [("mock",)]


def test_the_task_fails_unless_it_may(warehouse):
    """A listed instrument that does not exist at the source fails the task at its end; allowed, it is counted."""
    arguments = {"stock_codes": ["005930", "999990"], "first": "2026-09-22"}
    with pytest.raises(CodesFailedError, match="999990"):
        execute("daily_bar", **arguments)
    counts = execute("daily_bar", **arguments, failed_codes_allowed=1)
    assert (counts["failed"], counts["unchanged"]) == (1, 1)


@pytest.mark.thorough
def test_only_the_sessions_of_the_ranges_are_filled(warehouse):
    """Of four sessions the two in the middle are asked for; the others are somebody else's."""
    load_window(warehouse, market(), DATASETS["instrument"], Window((), TUESDAY, TUESDAY), Run())
    with warehouse:
        keep_sessions(warehouse)
    arguments = {"stock_codes": CODES, "first": "2026-09-17", "last": "2026-09-22"}
    counts = execute("daily_bar", operator=FillGapsOperator, ranges=[["2026-09-18", "2026-09-21"]], **arguments)
    assert counts["inserted"] == 4
    days = query(warehouse, "SELECT DISTINCT session FROM market.daily_bar ORDER BY 1")
    assert [day.day for (day,) in days] == [18, 21]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("dataset", "arguments", "inserted"),
    [
        ("daily_bar", {"stock_codes": CODES}, 8),
        ("minute_bar", {"stock_codes": CODES[1:]}, 4 * 381),
        ("trading_session", {}, None),
        ("instrument", {}, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_task_that_is_cleared_fills_nothing_again(warehouse, dataset, arguments, inserted):
    """Each dataset with a past is filled by the one operator, and what is stored meanwhile is not asked for again."""
    load_instruments(warehouse)
    with warehouse:
        keep_sessions(warehouse)
    arguments |= {"first": "2026-09-17", "last": "2026-09-22"}
    once = execute(dataset, operator=FillGapsOperator, **arguments)
    assert once["inserted"] > 0
    if inserted:
        assert once["inserted"] == inserted
    assert execute(dataset, operator=FillGapsOperator, **arguments) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dataset": "order_book"}, f"dataset must be one of {', '.join(WITH_PAST)}"),
        ({"source_conn_id": "nowhere"}, "connection 'nowhere': there is none of that name"),
        ({"stock_codes": None}, "daily_bar needs stock_codes"),
        ({"first": "22.09.2026"}, "first must be a date"),
        ({"last": "2026-09-21"}, "the range is reversed"),
        ({"last": "2026-09-25"}, "is beyond 2026-09-22"),
        ({"cells": "every"}, "cells must be one of all, unstored, missing"),
        ({"fallback_conn_id": "nowhere"}, "connection 'nowhere': there is none of that name"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_argument_of_filling_is_named(warehouse, change, words):
    """Each is a permanent error, raised before anything is asked for or written."""
    run = SimpleNamespace(run_after=datetime(2026, 9, 22, 21, 0, tzinfo=SEOUL), run_type="scheduled")
    arguments = {"dataset": "daily_bar", "stock_codes": CODES, "first": "2026-09-22"} | change
    with pytest.raises((ConfigurationError, InvalidRequestError), match=words):
        execute(context={"dag_run": run}, operator=FillGapsOperator, **arguments)
    assert query(warehouse, "SELECT count(*) FROM market.ingest_run") == [(0,)]
