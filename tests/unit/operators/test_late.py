"""Runs of the present that come too late: a missed moment stays missed.

Facts: order_books runs every five minutes, current_prices every minute; 22 September 2026 is a session. Order
books have to come within four minutes and prices within five, so that their loads are given up after eight and ten.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from data_pipeline.datasets import DATASETS
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.task import skip_late_load, skip_when_late

DUE = datetime(2026, 9, 22, 10, 15, tzinfo=SEOUL)
FIVE = timedelta(minutes=5)


def run(run_type="scheduled"):
    """A run that was due at 10:15."""
    return {"dag_run": SimpleNamespace(run_after=DUE, run_type=run_type)}


def test_a_run_in_its_own_interval_goes_on():
    """Up to the moment at which the next one is due."""
    skip_when_late(run(), "order books", FIVE, lambda: DUE + FIVE)


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
def test_a_run_that_comes_in_the_evening_is_skipped(run_type):
    """The quotes of 20:39 are not those of 10:15."""
    evening = DUE.replace(hour=20, minute=39)
    with pytest.raises(AirflowSkipException, match=r"was due 624 minutes ago .* order books of now"):
        skip_when_late(run(run_type), "order books", FIVE, lambda: evening)


def test_a_run_by_hand_is_about_the_present():
    """Somebody asked for it, whenever that was."""
    skip_when_late(run("manual"), "order books", FIVE, lambda: DUE + timedelta(days=1))
    skip_when_late({}, "order books", FIVE, lambda: DUE)


LAST_MOMENT = {"order_book": timedelta(minutes=8), "price_snapshot": timedelta(minutes=10)}


@pytest.mark.parametrize("dataset", LAST_MOMENT)
def test_a_load_that_waited_or_is_tried_again_is_skipped_when_its_moment_has_passed(dataset):
    """Its plan was in time; what a source shows now is no longer what was planned."""
    moment = DUE + LAST_MOMENT[dataset]
    skip_late_load(run(), DATASETS[dataset], lambda: moment)
    with pytest.raises(AirflowSkipException, match="its moment is missed"):
        skip_late_load(run(), DATASETS[dataset], lambda: moment + timedelta(seconds=1))


@pytest.mark.parametrize("dataset", ["daily_bar", "minute_bar", "instrument"])
def test_a_load_of_what_has_a_past_is_never_too_late(dataset):
    """A day later its rows are still those of its session."""
    skip_late_load(run(), DATASETS[dataset], lambda: DUE + timedelta(days=1))


@pytest.mark.parametrize("dataset", LAST_MOMENT)
def test_a_late_load_asks_nobody(dataset):
    """There is neither a source nor a warehouse here, and the task is skipped all the same."""
    load = DataSourceToPostgresOperator(task_id="load", dataset=dataset, source_conn_id="none", stock_codes="005930")
    years_ago = {"dag_run": SimpleNamespace(run_after=DUE.replace(year=2020), run_type="scheduled")}
    with pytest.raises(AirflowSkipException, match=r"was due [\d,]+ minutes ago and stores the present"):
        load.execute(years_ago)
