"""The benchmark's own cases: what it plants is found, and what it works out by hand is right."""

from benchmarks._truth_factors import ACTIONS, errors
from benchmarks._truth_faults import FAULTS, quote_faults, seed_faults
from data_pipeline.sources.mock.market import SyntheticMarket


def test_thirty_actions_are_exact():
    """No factor is off by more than a billionth."""
    assert len(ACTIONS) == 30
    assert max(off for _, off in errors()) <= 1e-9


def test_every_kind_of_fault_is_caught():
    """One of each kind, and four in quotes."""
    market = SyntheticMarket()
    assert seed_faults(market, len(FAULTS)) == (len(FAULTS), [])
    assert quote_faults(market) == (4, [])
