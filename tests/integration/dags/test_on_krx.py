"""The exchange's bars after those of the broker: both emulated over HTTP, through Airflow.

Facts: 25 November 2026 is a Wednesday; on it 060480 is no longer listed, which was on the two sessions before. The
market's clock stands on Thursday morning, when KRX has published Wednesday.
"""

from __future__ import annotations

import json
from datetime import date, datetime, time

import pytest

from data_pipeline.emulator.krx.wire import API_KEY
from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.local.dag_runs import PlannedRun
from data_pipeline.market.trading_calendar import SEOUL
from tests.support.market_facts import listed

pytestmark = pytest.mark.slow
OLDEST, EARLIER = date(2026, 11, 18), date(2026, 11, 19)
FIRST, BETWEEN, SESSION, NEXT = (date(2026, 11, day) for day in (23, 24, 25, 26))
GONE = "060480"
CODES = ["000660", "005930", "069500", "247540"]
"""Of two boards, and a fund."""
RATE = 60


WHOLE = {"first": EARLIER.isoformat(), "last": EARLIER.isoformat()}
"""Every instrument of one session, and the choice of the source left open."""


def moment(day, at):
    """Return an ISO moment in Seoul."""
    return datetime.combine(day, time.fromisoformat(at), SEOUL).isoformat()


@pytest.fixture(scope="module")
def brokers():
    """The broker's server on the evening of the session."""
    with EmulatorProcess(rate=2 * RATE, now=moment(SESSION, "20:40")) as running:
        yield running


@pytest.fixture(scope="module")
def exchanges():
    """The exchange's server on the next morning, with an after-market that the broker's bars do not have."""
    with EmulatorProcess(now=moment(NEXT, "08:30")) as running:
        running.set_krx(after_market=True)
        yield running


@pytest.fixture(scope="module")
def source(brokers, exchanges):
    """Both connections, and what is known of the broker's bars."""
    extra = {"environment": "real", "base_url": brokers.url, "master_url": brokers.url, "rate_limit": RATE}
    kis = {"conn_type": "kis", "login": APP_KEY, "password": APP_SECRET, "extra": extra}
    krx = {"conn_type": "krx", "password": API_KEY, "extra": {"environment": "sandbox", "base_url": exchanges.url}}
    return {
        "AIRFLOW_CONN_KIS_DEFAULT": json.dumps(kis),
        "AIRFLOW_CONN_KRX_DEFAULT": json.dumps(krx),
        "KIS_BARS_INCLUDE_AFTER_MARKET": "false",
        "MARKET_CLOCK": moment(NEXT, "09:40"),
    }


@pytest.fixture(scope="module")
def result(airflow):
    """The list of instruments, the broker's bars, the exchange's bars, lists and sessions before from the exchange."""
    past = {"stock_codes": CODES, "first": FIRST.isoformat(), "last": SESSION.isoformat()}
    lists = {"dataset": "instrument", "first": FIRST.isoformat(), "last": SESSION.isoformat()}
    return airflow.run(
        PlannedRun("market_reference", moment(SESSION, "07:30")),
        PlannedRun("daily_bars", moment(SESSION, "20:30")),
        PlannedRun("daily_bars_official", moment(NEXT, "08:30")),
        PlannedRun("backfill", moment(NEXT, "09:00"), past | {"source_conn_id": "krx_default"}),
        PlannedRun("backfill", moment(NEXT, "09:10"), lists | {"source_conn_id": "krx_default"}),
        PlannedRun("backfill", moment(NEXT, "09:15"), WHOLE | {"dry_run": True}),
        PlannedRun("backfill", moment(NEXT, "09:20"), WHOLE),
    )


def test_every_dag_succeeds(result):
    """From an empty warehouse, through Airflow, both clients and both wires."""
    assert [state for _, state in result.states] == ["success"] * 7, result.log[-4000:]


def test_every_bar_is_official(airflow, result):
    """The whole market is there once, and every row comes from the exchange."""
    bars = airflow.query("SELECT stock_code, source FROM market.daily_bar WHERE session = %s ORDER BY 1", SESSION)
    assert bars == [(code, "krx-sandbox") for code in listed(SESSION)]


def test_the_list_shows_the_after_market_and_nothing_else(airflow, result):
    """Both emulators serve one market, so volumes and values after the close are the only difference, as expected."""
    found = dict(airflow.query("SELECT kind, count(*) FROM market.reconciliation WHERE expected GROUP BY kind"))
    assert set(found) == {"volume", "trading_value"}
    assert airflow.query("SELECT count(*) FROM market.reconciliation WHERE expected IS NOT TRUE") == [(0,)]


def test_a_backfill_may_ask_the_exchange(airflow, result):
    """Sessions before are official too: four calls for each of the two that are not stored yet."""
    found = airflow.query("SELECT stock_code, source FROM market.daily_bar WHERE session = %s ORDER BY 1", FIRST)
    assert found == [(code, "krx-sandbox") for code in CODES]
    loads = "dag_id = 'backfill' AND dataset = 'daily_bar' AND first >= %s"
    (row,) = airflow.query(f"SELECT sum(rows_inserted), sum(requests) FROM market.ingest_run WHERE {loads}", FIRST)
    assert row == (8, 8)


def test_a_backfill_of_the_whole_market_takes_the_exchange_by_itself(airflow, result):
    """One session of every instrument with its funds is four calls of the exchange, KIS would take one each."""
    codes = listed(EARLIER)
    found = airflow.query("SELECT stock_code, source FROM market.daily_bar WHERE session = %s ORDER BY 1", EARLIER)
    assert found == [(code, "krx-sandbox") for code in codes]
    assert GONE in codes
    runs = airflow.query("SELECT source::text, requests FROM market.ingest_run WHERE first = %s", EARLIER)
    assert runs == [("krx-sandbox", 4)]
    said = f"out of krx-sandbox: 1 sessions, {len(codes):,} instruments, 4 requests, about 0:00:02"
    assert result.log.count(said) == 2
    assert "out of kis-sandbox: 0 instruments, 0 requests" in result.log


def test_the_market_costs_five_calls(airflow, result):
    """Three boards, ETF and ETN, each once; the list of stocks before it costs three."""
    calls = "SELECT dataset, requests FROM market.ingest_run WHERE dag_id = 'daily_bars_official' ORDER BY run_id"
    assert airflow.query(calls) == [("instrument", 3), ("daily_bar", 5)]


def test_both_lists_are_merged(airflow, result):
    """The exchange's list of the session came beside the broker's, twice; they agree, and nothing flips."""
    lists = airflow.query("SELECT voice, complete FROM market.instrument_list WHERE session = %s ORDER BY 1", SESSION)
    assert lists == [("broker", True), ("exchange", True)]
    assert airflow.query("SELECT * FROM market.instrument_difference") == []
    present = [(code,) for code in listed(SESSION)]
    assert (
        airflow.query("SELECT stock_code FROM market.instrument_history WHERE valid_to IS NULL ORDER BY 1") == present
    )
    assert airflow.query("SELECT stock_code FROM market.instrument WHERE delisted_on IS NULL ORDER BY 1") == present
    gone = "SELECT stock_code, delisted_on FROM market.instrument WHERE delisted_on IS NOT NULL"
    assert airflow.query(gone) == [(GONE, SESSION)]
    known = airflow.query(
        "SELECT source, halted IS NULL, base_price IS NULL FROM market.instrument WHERE delisted_on IS NULL"
        " GROUP BY 1, 2, 3"
    )
    assert sorted(known) == [("kis-sandbox", False, False), ("krx-sandbox", False, False)]


def test_calls_that_are_spent_leave_the_rest_to_kis(airflow, result, exchanges):
    """The exchange says no to the first call: the same task asks KIS, and the run is a success."""
    form = {"stock_codes": listed(SESSION)[:30], "first": OLDEST.isoformat(), "last": OLDEST.isoformat()}
    exchanges.set_krx(daily_limit=1, after_market=True)
    spent = airflow.run(PlannedRun("backfill", moment(NEXT, "09:30"), form))
    assert spent.states == [("backfill", "success")], spent.log[-4000:]
    assert "kis-sandbox is asked for the rest" in spent.log
    query = "SELECT source::text, count(*)::int FROM market.daily_bar WHERE session = %s GROUP BY 1"
    assert airflow.query(query, OLDEST) == [("kis-sandbox", 30)]


def test_a_backfill_fills_in_the_lists_of_the_past(airflow, result):
    """Two of three sessions had no list yet; each costs three calls, and what it says holds from that session on."""
    lists = "dag_id = 'backfill' AND dataset = 'instrument'"
    loaded = airflow.query(f"SELECT first, last, requests, status FROM market.ingest_run WHERE {lists} ORDER BY first")
    assert loaded == [(FIRST, FIRST, 3, "success"), (BETWEEN, BETWEEN, 3, "success")]
    known = "SELECT valid_from, name FROM market.instrument_history WHERE stock_code = '005930' ORDER BY 1 LIMIT 1"
    assert airflow.query(known) == [(FIRST, "삼성전자")]


def test_no_key_is_logged(airflow, result):
    """Neither what Airflow printed nor its log files hold the key."""
    written = result.log + airflow.log_files()
    assert "reconciliation" in written
    assert API_KEY not in written
