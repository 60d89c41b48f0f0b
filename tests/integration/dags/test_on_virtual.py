"""The DAGs of the whole market on the emulated virtual server of KIS, whose quota does not bring it in time.

Facts: 22 September 2026 is a session; the virtual server gives one price or thirty minutes a call. Its quota is set to
two calls a second here, so that 2,700 prices take 22 minutes and their 381 minutes each nearly five hours.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.local.dag_runs import PlannedRun

pytestmark = pytest.mark.slow

NOW = "2026-09-22T20:45:00+09:00"
RATE = 2
PRICES = PlannedRun("current_prices", "2026-09-22T15:30:00+09:00")
MINUTES = PlannedRun("minute_bars", "2026-09-22T20:40:00+09:00")


@pytest.fixture(scope="module")
def emulator():
    """A virtual server on the evening of the session."""
    with EmulatorProcess(server="virtual", rate=2 * RATE, now=NOW, frozen=True) as running:
        yield running


@pytest.fixture(scope="module")
def source(emulator):
    """The connection to it, and a watch list of one."""
    extra = {"environment": "virtual", "base_url": emulator.url, "master_url": emulator.url, "rate_limit": RATE}
    connection = {"conn_type": "kis", "login": APP_KEY, "password": APP_SECRET, "extra": extra}
    return {
        "AIRFLOW_CONN_KIS_DEFAULT": json.dumps(connection),
        "WATCH_LIST": "005930",
        "TASK_RETRIES": "4",
        "MARKET_CLOCK": NOW,
    }


@pytest.fixture(scope="module")
def listed(airflow, emulator):
    """The warehouse lists the instruments; the log of the emulator is empty."""
    result = airflow.run(PlannedRun("market_reference", "2026-09-22T07:30:00+09:00"))
    assert result.states == [("market_reference", "success")], result.log[-4000:]
    emulator.forget_requests()


WHOLE = {
    "prices": (PRICES, "this run may take 0:05:00: set UNIVERSE to watch_list"),
    "minutes": (MINUTES, "this run may take 3:20:00: set UNIVERSE to watch_list"),
}


@pytest.fixture(scope="module")
def refused(airflow, emulator, listed):
    """What became of the whole market's runs, and how many calls were sent for them."""
    results = airflow.run_each(*(run for run, _ in WHOLE.values()))
    return dict(zip(WHOLE, results, strict=True)), emulator.summary()["total"]


@pytest.mark.parametrize("whole", WHOLE)
def test_the_whole_market_is_refused_at_once(airflow, refused, whole):
    """The plan fails without a retry, says what it would cost, and nothing was asked or loaded."""
    results, calls = refused
    result, (run, words) = results[whole], WHOLE[whole]
    assert result.states == [(run.dag_id, "failed")]
    assert words in result.log
    assert "2 a second of kis-sandbox" in result.log
    assert "trying again cannot help" in result.log
    assert calls == 0
    # The indices are another task's, which is skipped: the virtual server has none.
    begun = "SELECT count(*) FROM market.ingest_run WHERE dag_id = %s AND dataset <> 'index_snapshot'"
    assert airflow.query(begun, run.dag_id) == [(0,)]


def test_the_watch_list_is_loaded_when_that_is_the_universe(airflow, emulator, listed):
    """With the Airflow Variable UNIVERSE both DAGs load the one watched issue: one price, and 381 minutes."""
    narrowed = replace(airflow, environment=airflow.environment | {"AIRFLOW_VAR_UNIVERSE": "watch_list"})
    result = narrowed.run(PRICES, MINUTES)
    assert [state for _, state in result.states] == ["success", "success"], result.log[-4000:]
    assert airflow.query("SELECT stock_code FROM market.price_snapshot") == [("005930",)]
    assert airflow.query("SELECT stock_code, count(*) FROM market.minute_bar GROUP BY 1") == [("005930", 381)]
