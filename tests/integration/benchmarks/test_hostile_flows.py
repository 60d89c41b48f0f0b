"""A slice of the hostile seeds about index bars and investor flows, and then the same work without lies."""

from collections import Counter
from contextlib import closing

import pytest

from benchmarks._truth_hostile_flows import IndexedMarket, judged, undisturbed
from benchmarks._truth_hostile_world import World, prepared
from tests.support.seeds import seeded


@pytest.fixture(scope="module")
def world(shared, tmp_path_factory):
    """A dozen instruments, an emulator in this process and a warehouse that has their lists."""
    folder = tmp_path_factory.mktemp("world")
    with shared.connect("owner") as connection, closing(World(connection, folder, IndexedMarket())) as made:
        yield prepared(made)


@pytest.fixture(scope="module")
def truth(world):
    """What the work leaves when nobody lies."""
    return undisturbed(world)


def test_the_undisturbed_run_brings_every_row(truth):
    """From 1 October to 20 November 2026 there are 35 sessions: 45 indices on each and on the one before."""
    counted = Counter((dataset, session) for dataset, _, session in truth)
    assert sum(dataset == "index_bar" for dataset, *_ in truth) == 45 * 36
    assert len(counted) == 36 + 35
    assert min(many for (dataset, _), many in counted.items() if dataset == "investor_flow") >= 10


@pytest.mark.thorough
@seeded(*range(1, 5))
def test_a_lie_is_named_and_nothing_wrong_is_stored(world, truth, seed):
    """A row is as without lies or missing and named; the same work without lies makes it whole."""
    told = judged(world, [seed], truth)
    assert told.wrong_seeds == []
    assert told.is_true
