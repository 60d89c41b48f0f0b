"""What the plan of `heal_gaps` does with rows in quarantine; nothing is ever asked of a source."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import date, datetime
from types import SimpleNamespace

import pytest

from data_pipeline.datasets.findings import Finding, Severity
from data_pipeline.loading.checks.quarantine import as_rejection, keep_rejections
from data_pipeline.market.records import DailyBar
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.filling import plan_healing

TUESDAY = date(2026, 9, 22)
QUOTED = DailyBar("400580", TUESDAY, 0, 0, 0, 53_510, 0, 0, 35)
STILL_WRONG = replace(QUOTED, stock_code="005930")
LISTED = """
    INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, halted, managed,
        liquidation, preferred, source)
    SELECT code, 'KR7' || code || '003', 'issue', 'KOSPI', kind, '2026-09-22', '2020-01-02', false, false, false,
        false, 'kis-sandbox' FROM (VALUES ('400580', 'EF'), ('005930', 'ST')) AS v (code, kind)
"""


@pytest.fixture
def heal(warehouse, tmp_path):
    """Plan the healing of Tuesday's evening, with a server that is not there."""
    with warehouse, warehouse.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('kis-sandbox')")
        cursor.execute(LISTED)
    rows = [
        as_rejection(Finding("volume", Severity.ERROR, "nothing traded and yet the price changed by 35", bar))
        for bar in (QUOTED, STILL_WRONG)
    ]
    keep_rejections(warehouse, "daily_bar", "kis-sandbox", rows)
    warehouse.commit()
    extra = {"environment": "real", "base_url": "http://127.0.0.1:9", "master_url": "http://127.0.0.1:9"}
    connection = {"conn_type": "kis", "login": "K" * 36, "password": "S" * 180, "extra": extra}
    os.environ["AIRFLOW_CONN_KIS_DEFAULT"] = json.dumps(connection)
    os.environ["COORDINATION_URL"] = tmp_path.as_uri()
    run = SimpleNamespace(run_after=datetime(2026, 9, 22, 21, 30, tzinfo=SEOUL), run_type="scheduled")
    return lambda: plan_healing({"params": {"session": TUESDAY.isoformat()}, "dag_run": run}, "kis_default")


def state(warehouse):
    """Code, outcome and whether it was tried, of every row in quarantine."""
    with warehouse, warehouse.cursor() as cursor:
        cursor.execute("SELECT stock_code, outcome, tried_at FROM market.rejected_row ORDER BY stock_code")
        return cursor.fetchall()


@pytest.mark.thorough
def test_a_row_that_the_checks_let_pass_now_is_loaded_by_the_next_evening(heal, warehouse):
    """A fund's close may move without a trade: its row comes in by itself; a stock's stays, tried once."""
    heal()
    first = state(warehouse)
    assert [(code, outcome) for code, outcome, _ in first] == [("005930", None), ("400580", "loaded")]
    assert all(tried for _, _, tried in first)
    heal()
    assert state(warehouse) == first
    with warehouse, warehouse.cursor() as cursor:
        cursor.execute("SELECT stock_code, close, change FROM market.daily_bar")
        assert cursor.fetchall() == [("400580", 53_510, 35)]
