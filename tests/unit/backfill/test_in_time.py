"""What the quota brings within the time that a run may take, and what is refused before anything is asked.

Facts: KIS's real server allows 18 calls a second, thirty prices or 120 finished minutes a call; its virtual server one
call a second, one price or thirty minutes a call. A session has 381 minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from airflow.dag_processing.dagbag import DagBag

from data_pipeline.backfill.in_time import require_in_time
from data_pipeline.datasets import DATASETS
from data_pipeline.exceptions import ConfigurationError, PermanentError
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.mock.source import MockDataSource
from tests.support.project import ROOT

KEY, SECRET = "K" * 36, "S" * 180
TUESDAY = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)


@pytest.fixture
def source(tmp_path):
    """A source of KIS that sends nothing, as its settings say."""
    made = []

    def make(**settings):
        coordination = {"coordination_url": tmp_path.as_uri()}
        made.append(KISDataSource(KisSettings(KEY, SECRET, **coordination, **settings), clock=lambda: TUESDAY))
        return made[-1]

    yield make
    for one in made:
        one.close()


def codes(number):
    """So many stock codes."""
    return [f"{code:06}" for code in range(number)]


EVENING = {"in_session": False}


@pytest.mark.parametrize(
    ("settings", "dataset", "issues", "when"),
    [
        ({}, "price_snapshot", 2700, {}),
        ({"environment": "virtual"}, "price_snapshot", 300, {}),
        ({"environment": "virtual"}, "order_book", 240, {}),
        ({}, "minute_bar", 2700, EVENING),
        ({"rate_limit": 1.0}, "minute_bar", 2700, EVENING),  # four calls each are three hours
        ({"environment": "virtual"}, "minute_bar", 20, {}),  # thirteen calls each are 260 seconds
        ({"environment": "virtual"}, "minute_bar", 300, {"minutes": 30}),
        ({"environment": "virtual"}, "minute_bar", 923, EVENING),
    ],
)
def test_what_fits_goes_on(source, settings, dataset, issues, when):
    """The whole market of a real key, and what a virtual one brings in time to the last instrument."""
    require_in_time(source(**settings), dataset, codes(issues), **when)


@pytest.mark.parametrize(
    ("settings", "dataset", "issues", "when", "words"),
    [
        ({"environment": "virtual"}, "price_snapshot", 2700, {}, "2,700 requests and 0:45:00 at the 1 a second"),
        ({"environment": "virtual"}, "price_snapshot", 301, {}, "301 instruments takes 301 requests and 0:05:01"),
        ({"environment": "virtual"}, "order_book", 241, {}, "this run may take 0:04:00: shorten WATCH_LIST, trigger"),
        ({"environment": "virtual"}, "minute_bar", 2700, EVENING, "35,100 requests and 9:45:00 .* set UNIVERSE"),
        ({"environment": "virtual"}, "minute_bar", 924, EVENING, "12,012 requests and 3:20:12"),
        ({"environment": "virtual"}, "minute_bar", 301, {"minutes": 30}, "301 requests and 0:05:01"),
        ({"rate_limit": 0.5}, "minute_bar", 2700, EVENING, "10,800 requests and 6:00:00 at the 0.5 a second of kis,"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_it_costs(source, settings, dataset, issues, when, words):
    """One sentence, permanent, that says the requests, the time, the time there is, and what to do."""
    with pytest.raises(ConfigurationError, match=words) as caught:
        require_in_time(source(**settings), dataset, codes(issues), **when)
    assert isinstance(caught.value, PermanentError)
    assert "\n" not in str(caught.value)


def test_further_keys_count(source):
    """Two virtual keys bring 600 prices in five minutes."""
    two = {"environment": "virtual", "more_keys": (("L" * 36, SECRET),)}
    require_in_time(source(**two), "price_snapshot", codes(600))
    with pytest.raises(ConfigurationError, match="at the 2 a second"):
        require_in_time(source(**two), "price_snapshot", codes(601))


def test_a_source_without_a_quota_is_never_too_slow():
    """The synthetic market answers at once."""
    require_in_time(MockDataSource(), "price_snapshot", codes(5000))


def test_no_task_is_stopped_before_what_was_reckoned_with():
    """A run that the plan let pass has at least that long."""
    bag = DagBag(str(ROOT / "dags"), bundle_name="dags-folder")
    loads = {"price_snapshot": "current_prices", "order_book": "order_books", "minute_bar": "minute_bars"}
    for dataset, dag in loads.items():
        assert (
            bag.dags[dag].get_task("load").partial_kwargs["execution_timeout"]
            >= DATASETS[dataset].present.allowed
            > timedelta()
        )
