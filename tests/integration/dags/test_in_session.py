"""The DAGs of the present on the emulated KIS server, which stands within a session and, later, on its evening.

Facts: 22 September 2026 is a session from 09:00 to 15:30. At 11:02:30 a liquid instrument traded in 09:00 to 11:01;
the whole session is 09:00 to 15:19 and the closing auction's 15:30, 381 minutes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.local.dag_runs import PlannedRun
from tests.support.market_facts import listed

pytestmark = pytest.mark.slow

SESSION = date(2026, 9, 22)
AT_ELEVEN, LATE = "2026-09-22T11:02:30+09:00", "2026-09-22T20:45:00+09:00"
RATE = 60
MORNING = (
    PlannedRun("market_reference", "2026-09-22T07:30:00+09:00"),
    PlannedRun("current_prices", "2026-09-22T11:02:00+09:00"),
    PlannedRun("order_books", "2026-09-22T11:00:00+09:00", {"chunk_size": 1}),
    PlannedRun("minute_bars", "2026-09-22T11:00:00+09:00"),
    PlannedRun("market_reference", "2026-09-22T07:30:00+09:00"),
)
EVENING = PlannedRun("minute_bars", "2026-09-22T20:40:00+09:00", {"stock_codes": ["005930", "035420"]})
MINUTES = """
    SELECT stock_code, count(*), to_char(min(at) AT TIME ZONE 'Asia/Seoul', 'HH24:MI'),
        to_char(max(at) AT TIME ZONE 'Asia/Seoul', 'HH24:MI')
    FROM market.minute_bar GROUP BY stock_code ORDER BY stock_code
"""


@pytest.fixture(scope="module")
def emulator():
    """A server that stands still two and a half minutes after eleven."""
    with EmulatorProcess(rate=2 * RATE, now=AT_ELEVEN, frozen=True) as running:
        yield running


@pytest.fixture(scope="module")
def source(emulator):
    """The connection, and a watch list of two."""
    extra = {"environment": "real", "base_url": emulator.url, "master_url": emulator.url, "rate_limit": RATE}
    connection = {"conn_type": "kis", "login": APP_KEY, "password": APP_SECRET, "extra": extra}
    return {
        "AIRFLOW_CONN_KIS_DEFAULT": json.dumps(connection),
        "WATCH_LIST": "005930,000660",
        "MARKET_CLOCK": AT_ELEVEN,
    }


@pytest.fixture(scope="module")
def morning(airflow):
    """The DAGs of the present within the session, and the list of instruments twice."""
    result = airflow.run(*MORNING)
    return result, airflow.query(MINUTES)


@pytest.fixture(scope="module")
def evening(airflow, emulator, morning):
    """The run of minute bars after the after-market."""
    emulator.set_clock(LATE, frozen=True)
    return replace(airflow, environment=airflow.environment | {"MARKET_CLOCK": LATE}).run(EVENING)


def test_every_dag_succeeds(morning):
    """From an empty warehouse, while the market trades."""
    result, _ = morning
    assert result.states == [(run.dag_id, "success") for run in MORNING], result.log[-4000:]


def test_every_listed_issue_has_its_price(airflow, morning):
    """The whole market, each instrument once, seen at the source's own moment."""
    prices = airflow.query("SELECT stock_code, session FROM market.price_snapshot ORDER BY 1")
    assert prices == [(code, SESSION) for code in listed(SESSION)]


def test_the_main_indices_are_seen_beside_the_prices(airflow, morning):
    """Four levels of that moment, and no bar of the running session."""
    seen = "SELECT family, name, session, observed_at = %s FROM market.index_snapshot ORDER BY 1, 2"
    assert airflow.query(seen, AT_ELEVEN) == [
        ("KOSDAQ", "코스닥", SESSION, True), ("KOSDAQ", "코스닥 150", SESSION, True),
        ("KOSPI", "코스피", SESSION, True), ("KOSPI", "코스피 200", SESSION, True),
    ]  # fmt: skip
    assert airflow.query("SELECT count(*) FROM market.index_bar") == [(0,)]


def test_the_whole_market_costs_thirty_codes_a_call(emulator, morning):
    """No more calls than the listed instruments need."""
    issues = len(listed(SESSION))
    calls = emulator.summary()["per_path"]["/uapi/domestic-stock/v1/quotations/intstock-multprice"]["accepted"]
    assert issues / 30 <= calls <= issues / 30 + 5


def test_the_watch_list_is_loaded_in_chunks(airflow, morning):
    """One book an instrument, one task a chunk of one."""
    assert airflow.query("SELECT stock_code FROM market.order_book ORDER BY 1") == [("000660",), ("005930",)]
    assert airflow.query("SELECT map_index FROM market.ingest_run WHERE dataset = 'order_book' ORDER BY map_index") == [
        (0,),
        (1,),
    ]


def test_complete_minutes_of_the_watch_list(morning):
    """At 11:02:30 the shares of 11:01 have not moved into its row, so the minute of 11:00 is the newest."""
    _, minutes = morning
    assert [row[0] for row in minutes] == ["000660", "005930"]
    assert minutes[1][1:] == (121, "09:00", "11:00")


def test_open_days_are_asked_for_once_a_day(airflow, emulator, morning):
    """KIS wants one call a day at most: the second run of the day reads the answer of the first in the warehouse."""
    calls = emulator.summary()["per_path"]["/uapi/domestic-stock/v1/quotations/chk-holiday"]
    assert calls["accepted"] == 1
    assert airflow.query(
        "SELECT status, requests, rows_inserted, rows_unchanged FROM market.ingest_run "
        "WHERE dataset = 'trading_session' ORDER BY run_id"
    ) == [("success", 1, 24, 0), ("success", 0, 0, 24)]


def test_the_evening_completes_the_session(airflow, evening):
    """After the close the session's minutes are whole, for the codes that were named instead of the whole market."""
    assert evening.states == [("minute_bars", "success")], evening.log[-4000:]
    minutes = {row[0]: row[1:] for row in airflow.query(MINUTES)}
    assert set(minutes) == {"005930", "000660", "035420"}
    assert minutes["005930"] == (381, "09:00", "15:30")
