"""Investor flows through Airflow on the emulated KIS server, counted request by request, and a hole that is healed.

Facts: 22 September 2026 is a Tuesday; 14 to 22 September hold seven sessions.
"""

from __future__ import annotations

import json
from datetime import date

import pytest

from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.local.dag_runs import PlannedRun
from tests.support.market_facts import listed

pytestmark = pytest.mark.slow

SESSION, NOW = date(2026, 9, 22), "2026-09-22T21:40:00+09:00"
RATE = 200
PAST = "investor-trade-by-stock-daily"
WEEK = {"dataset": "investor_flow", "stock_codes": ["005930", "000660"], "first": "2026-09-14", "last": "2026-09-22"}


@pytest.fixture(scope="module")
def emulator():
    """A server on the evening of the session."""
    with EmulatorProcess(rate=2 * RATE, now=NOW, frozen=True) as running:
        yield running


@pytest.fixture(scope="module")
def source(emulator):
    """The connection."""
    extra = {"environment": "real", "base_url": emulator.url, "master_url": emulator.url, "rate_limit": RATE}
    connection = {"conn_type": "kis", "login": APP_KEY, "password": APP_SECRET, "extra": extra}
    return {"AIRFLOW_CONN_KIS_DEFAULT": json.dumps(connection), "MARKET_CLOCK": NOW}


@pytest.fixture(scope="module")
def result(airflow):
    """The list of instruments, a week of two of them, and the session of the whole market."""
    return airflow.run(
        PlannedRun("market_reference", "2026-09-22T07:30:00+09:00"),
        PlannedRun("backfill", "2026-09-22T20:45:00+09:00", WEEK),
        PlannedRun("investor_flows", "2026-09-22T20:50:00+09:00"),
    )


def test_the_whole_market_costs_a_call_an_instrument(airflow, emulator, result):
    """The fewest calls that KIS allows: one for a week of each of two, then one for each listed instrument."""
    assert [state for _, state in result.states] == ["success"] * 3, result.log[-4000:]
    codes = listed(SESSION)
    stored = "SELECT stock_code::text FROM market.investor_flow WHERE session = %s ORDER BY 1"
    assert airflow.query(stored, SESSION) == [(code,) for code in codes]
    assert len(emulator.requests(path=PAST)) <= 1.02 * (len(codes) + 2)
    assert airflow.query("SELECT count(*)::int FROM market.investor_flow WHERE stock_code = '005930'") == [(7,)]


def test_the_sums_are_those_of_the_boards(airflow, emulator, result):
    """Two calls, one for each board, and no warning: rounding explains every difference."""
    assert len(emulator.requests(path="inquire-investor-daily-by-market")) == 2
    warned = "SELECT count(*)::int FROM market.ingest_run WHERE dataset = 'investor_flow' AND warnings ? 'market'"
    assert airflow.query(warned) == [(0,)]


def test_a_hole_is_healed(airflow, result):
    """A deleted row is missing; heal_gaps asks for it, and coverage misses nothing."""
    airflow.execute("DELETE FROM market.investor_flow WHERE stock_code = '005930' AND session = '2026-09-18'")
    lacking = "dataset = 'investor_flow' AND missing > 0 AND session <= %s"
    missing = f"SELECT session, missing::int FROM market.coverage WHERE {lacking}"
    assert airflow.query(missing, SESSION) == [(date(2026, 9, 18), 1)]
    healed = airflow.run(PlannedRun("heal_gaps", "2026-09-22T21:30:00+09:00"))
    assert healed.states == [("heal_gaps", "success")], healed.log[-4000:]
    assert airflow.query(missing, SESSION) == []
