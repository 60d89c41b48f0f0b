"""Index bars through Airflow: provisional from the broker, official from the exchange, and a hole that is healed.

Facts: 25 November 2026 is a Wednesday. The market's clock stands on Thursday morning, when KRX has published Wednesday.
"""

from __future__ import annotations

import json
from datetime import date, datetime, time

import pytest

from data_pipeline.emulator.krx.wire import API_KEY
from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.local.dag_runs import PlannedRun
from data_pipeline.market.trading_calendar import SEOUL

pytestmark = pytest.mark.slow

FIRST, BETWEEN, SESSION, NEXT = (date(2026, 11, day) for day in (23, 24, 25, 26))
RATE = 60
PAST = {"dataset": "index_bar", "first": FIRST.isoformat(), "last": BETWEEN.isoformat()}


def moment(day, at):
    """Return an ISO moment in Seoul."""
    return datetime.combine(day, time.fromisoformat(at), SEOUL).isoformat()


@pytest.fixture(scope="module")
def brokers():
    """The broker's server on the evening of the session."""
    with EmulatorProcess(rate=2 * RATE, now=moment(SESSION, "21:40")) as running:
        yield running


@pytest.fixture(scope="module")
def exchanges():
    """The exchange's server on the next morning."""
    with EmulatorProcess(now=moment(NEXT, "08:40")) as running:
        yield running


@pytest.fixture(scope="module")
def source(brokers, exchanges):
    """Both connections."""
    extra = {"environment": "real", "base_url": brokers.url, "master_url": brokers.url, "rate_limit": RATE}
    kis = {"conn_type": "kis", "login": APP_KEY, "password": APP_SECRET, "extra": extra}
    krx = {"conn_type": "krx", "password": API_KEY, "extra": {"environment": "sandbox", "base_url": exchanges.url}}
    return {
        "AIRFLOW_CONN_KIS_DEFAULT": json.dumps(kis),
        "AIRFLOW_CONN_KRX_DEFAULT": json.dumps(krx),
        "MARKET_CLOCK": moment(NEXT, "09:40"),
        "TASK_RETRIES": "0",
    }


@pytest.fixture(scope="module")
def result(airflow):
    """The broker's bars, the two sessions before from the broker, then the exchange's bars."""
    return airflow.run(
        PlannedRun("index_bars", moment(SESSION, "20:35")),
        PlannedRun("backfill", moment(NEXT, "08:00"), PAST | {"source_conn_id": "kis_default"}),
        PlannedRun("index_bars_official", moment(NEXT, "08:35")),
    )


def test_every_dag_succeeds(result):
    """From an empty warehouse, without any list of instruments."""
    assert [state for _, state in result.states] == ["success"] * 3, result.log[-4000:]


def test_the_exchange_has_the_last_word(airflow, result):
    """All 46 synthetic indices of Wednesday are official; the sessions before are the broker's 4 and 41 sectors."""
    found = airflow.query("SELECT session, source::text, count(*)::int FROM market.index_bar GROUP BY 1, 2 ORDER BY 1")
    assert found == [(FIRST, "kis-sandbox", 45), (BETWEEN, "kis-sandbox", 45), (SESSION, "krx-sandbox", 46)]
    replaced = "SELECT count(*)::int FROM market.restatement WHERE dataset = 'index_bar' AND old_source = 'kis-sandbox'"
    assert airflow.query(replaced) == [(45,)]


def test_the_fewest_calls(airflow, result):
    """A chart of each index for one session as for two, and three services of the exchange."""
    calls = "SELECT dag_id, requests FROM market.ingest_run WHERE dataset = 'index_bar' ORDER BY run_id"
    assert airflow.query(calls) == [("index_bars", 45), ("backfill", 45), ("index_bars_official", 3)]


def test_a_hole_is_healed(airflow, result):
    """One main index of Tuesday is deleted: heal_gaps asks for that session, and coverage misses nothing."""
    airflow.execute(f"DELETE FROM market.index_bar WHERE name = '코스닥 150' AND session = '{BETWEEN}'")
    lacking = "dataset = 'index_bar' AND missing > 0 AND session <= %s"
    missing = f"SELECT session, missing::int FROM market.coverage WHERE {lacking}"
    assert airflow.query(missing, SESSION) == [(BETWEEN, 1)]
    healed = airflow.run(PlannedRun("heal_gaps", moment(SESSION, "21:30")))
    assert healed.states == [("heal_gaps", "success")], healed.log[-4000:]
    assert airflow.query(missing, SESSION) == []
