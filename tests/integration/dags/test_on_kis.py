"""The DAGs on the emulated KIS server: the real client, over HTTP.

Facts: the market of 22 September 2026 on its evening; multi-price takes thirty codes a call.
"""

from __future__ import annotations

import json
from datetime import date

import pytest

from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.local.dag_runs import PlannedRun
from tests.support.market_facts import listed

SESSION = date(2026, 9, 22)
NOW = "2026-09-22T20:40:00+09:00"
RATE = 60
RUNS = (
    PlannedRun("market_reference", "2026-09-22T07:30:00+09:00"),
    PlannedRun("daily_bars", "2026-09-22T20:30:00+09:00"),
    PlannedRun("order_books", "2026-09-22T15:30:00+09:00", {"stock_codes": ["005930", "000660"]}),
)


@pytest.fixture(scope="module")
def emulator():
    """A server on the evening of the session, with room to spare: the limiter has tests of its own."""
    with EmulatorProcess(rate=2 * RATE, now=NOW) as running:
        yield running


@pytest.fixture(scope="module")
def source(emulator):
    """The connection, and a watch list."""
    extra = {"environment": "real", "base_url": emulator.url, "master_url": emulator.url, "rate_limit": RATE}
    connection = {"conn_type": "kis", "login": APP_KEY, "password": APP_SECRET, "extra": extra}
    return {"AIRFLOW_CONN_KIS_DEFAULT": json.dumps(connection), "MARKET_CLOCK": NOW}


@pytest.fixture(scope="module")
def result(airflow):
    """Every DAG once."""
    return airflow.run(*RUNS)


def test_every_dag_succeeds(result):
    """From an empty warehouse, through Airflow, the client and the wire."""
    assert result.states == [(run.dag_id, "success") for run in RUNS], result.log[-4000:]


def test_every_listed_issue_has_its_bar(airflow, result):
    """The whole market is there; its rows say that they came from a sandbox."""
    bars = airflow.query("SELECT stock_code, source::text FROM market.daily_bar WHERE session = %s ORDER BY 1", SESSION)
    assert bars == [(code, "kis-sandbox") for code in listed(SESSION)]
    assert airflow.query("SELECT stock_code FROM market.instrument ORDER BY 1") == [(code,) for code, _ in bars]


def test_the_market_costs_thirty_codes_a_call(emulator, result):
    """About a hundred calls for the whole market, one token, and no call that the server had to reject."""
    issues = len(listed(SESSION))
    summary = emulator.summary()
    calls = summary["per_path"]["/uapi/domestic-stock/v1/quotations/intstock-multprice"]["accepted"]
    assert issues / 30 <= calls <= issues / 30 + 5
    assert summary["tokens_issued"] == 1
    assert summary["rejected"] == 0


def test_no_secret_is_logged(airflow, result):
    """Neither what Airflow printed nor its log files hold the key or the secret, masked or not."""
    written = result.log + airflow.log_files()
    assert "order_book" in written
    assert APP_KEY not in written
    assert APP_SECRET not in written
