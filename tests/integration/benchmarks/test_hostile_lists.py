"""A slice of the hostile seeds about lists: KIS's master files and KRX's base info of two sessions."""

from contextlib import closing

import pytest

from benchmarks._truth_hostile_lists import THURSDAY, ListedMarket, judged, prepared, undisturbed
from benchmarks._truth_hostile_world import World
from tests.support.seeds import seeded


@pytest.fixture(scope="module")
def world(shared, tmp_path_factory):
    """232 instruments, an emulator in this process and a warehouse."""
    folder = tmp_path_factory.mktemp("world")
    with shared.connect("owner") as connection, closing(World(connection, folder, ListedMarket())) as made:
        yield prepared(made)


@pytest.fixture(scope="module")
def truth(world):
    """What the lists leave when nobody lies."""
    return undisturbed(world)


def test_the_undisturbed_lists_tell_of_the_move(truth):
    """0021P0 is on KOSDAQ from 12 November 2026 on, by both voices."""
    boards = [row[1] for voice in ("broker", "exchange") for row in truth.told[voice, THURSDAY] if row[0] == "0021P0"]
    assert boards == ["KOSDAQ", "KOSDAQ"]


@pytest.mark.thorough
@seeded(1, 2, 3, 18)
def test_a_list_that_is_no_list_is_named_and_changes_nothing(world, truth, seed):
    """A list is as without lies, lacks too few to tell, or is missing and named; the true lists mend the rest."""
    told = judged(world, [seed], truth)
    assert told.wrong_seeds == []
    assert told.is_true
