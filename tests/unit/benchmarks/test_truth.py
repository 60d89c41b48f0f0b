"""The benchmark's own cases: what it plants is found, and what it works out by hand is right."""

import pytest

from benchmarks._truth_factors import ACTIONS, errors
from benchmarks._truth_faults import FAULTS, quote_faults, seed_faults
from benchmarks._truth_polled import Polled, polled
from benchmarks._truth_public import PUBLIC, public_errors
from data_pipeline.sources.mock.market import SyntheticMarket

pytestmark = pytest.mark.thorough


def test_thirty_actions_are_exact():
    """No factor is off by more than a billionth."""
    assert len(ACTIONS) == 30
    assert max(off for _, off in errors()) <= 1e-9


def test_actions_that_were_in_the_news_are_exact():
    """The close before and the base price that the exchange announced give the factor; splits the announced ratio."""
    assert dict(public_errors()) == dict.fromkeys((one.name for one in PUBLIC), 0.0)
    assert len(PUBLIC) == 8


@pytest.mark.parametrize(
    ("name", "base", "parts"),
    [(one.name, one.base_price, one.previous_close) for one in PUBLIC if one.name.endswith(("1 to 50", "1 to 5"))],
)
def test_the_news_of_a_split_fit_each_other(name, base, parts):
    """The base price times the announced number of parts is the close before."""
    assert base * int(name.rsplit(" ", 1)[1]) == parts


def test_every_kind_of_fault_is_caught():
    """One of each kind, and four in quotes."""
    market = SyntheticMarket()
    assert seed_faults(market, len(FAULTS)) == (len(FAULTS), [])
    assert quote_faults(market) == (4, [])


def test_polled_minutes_are_right_after_the_close_and_never_wrong_before():
    """Eight stock-days, six polls each: some minutes are withheld, all of them said, and in the evening all come."""
    result = polled(8)
    assert result.withheld > 0
    assert result == Polled(stock_days=8, right_after_close=8, withheld=result.withheld, polls=48)
