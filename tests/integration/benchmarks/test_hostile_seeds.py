"""A slice of the hostile seeds: the work of two days against an emulator that lies, and then once more without lies."""

from collections import Counter
from contextlib import closing

import pytest

from benchmarks._truth_hostile import judged, undisturbed
from benchmarks._truth_hostile_world import FRIDAY, ORDINARY, World, prepared
from tests.support.seeds import seeded


@pytest.fixture(scope="module")
def world(shared, tmp_path_factory):
    """Six instruments, an emulator in this process and a warehouse that has their lists."""
    folder = tmp_path_factory.mktemp("world")
    with shared.connect("owner") as connection, closing(World(connection, folder)) as made:
        yield prepared(made)


@pytest.fixture(scope="module")
def truth(world):
    """What the work leaves when nobody lies."""
    return undisturbed(world)


def test_the_undisturbed_run_brings_the_market(truth):
    """71,000 won on Friday; 109 sessions of four, 24 of a young one, one of a fund, 381 minutes of three."""
    opened, high, low, close, volume, _, change = truth.rows["daily_bar", ORDINARY, FRIDAY]
    assert (close, change, volume) == (71_000, 1_420, 25_483_920)
    assert low <= opened <= high
    assert Counter(dataset for dataset, *_ in truth.rows) == {"daily_bar": 4 * 109 + 24 + 1, "minute_bar": 3 * 381}
    assert sorted(truth.settled.values()) == ["empty"] * 3 + ["whole"] * 3


@pytest.mark.thorough
@seeded(*range(1, 6), 498, 592_608)
def test_a_lie_is_named_and_nothing_is_settled_by_it(world, truth, seed):
    """A cell is as without lies or missing and named; no row is wrong; the same work without lies makes it whole."""
    told = judged(world, [seed], truth)
    assert told.wrong_seeds == []
    assert told.is_true
