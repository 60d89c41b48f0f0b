"""Runs of the present that come too late: a missed moment stays missed.

Facts: order_books runs every five minutes, current_prices every minute; 22 September 2026 is a session.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.task import skip_when_late

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
