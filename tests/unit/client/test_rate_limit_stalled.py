"""Whenever and however long the store stands still, no second holds more sends than the quota."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.emulator.kis.gate import Gate
from tests.support.stalled_store import Stall, StalledSimulation, View

QUOTA = 18
STALL = st.builds(Stall, st.floats(3, 12), st.floats(0.05, 6), st.sampled_from(["before", "after"]))


def traffic(new_store: Any, stalls: tuple[Stall, ...], seed: int) -> StalledSimulation:
    """Four processes of two callers each, and their stalls."""
    store, shift = new_store(), [0.0]
    views = [View(store, shift) for _ in range(4)]
    limiters = [TokenBucketRateLimiter(view, "k", QUOTA) for view in views]
    gate = Gate(QUOTA, None, "sliding", store.clock)
    return StalledSimulation(store, gate, limiters, jitter=0.002, seed=seed, views=views, stalls=stalls)


STALLS = st.lists(STALL, min_size=1, max_size=3).map(tuple)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(stalls=STALLS, seed=st.integers(0, 1000))
def test_two_hundred_times_no_second_holds_more_than_the_quota(
    new_store: Any, stalls: tuple[Stall, ...], seed: int
) -> None:
    """The same for many more stalls."""
    check(new_store, stalls, seed)


@pytest.mark.thorough
@settings(max_examples=2, deadline=None)
@given(stalls=STALLS, seed=st.integers(0, 1000))
@example(stalls=(Stall(5.0, 1.6, "before"),), seed=1)
@example(stalls=(Stall(5.0, 4.0, "before"),), seed=2)
@example(stalls=(Stall(5.0, 3.0, "after"),), seed=3)
@example(stalls=(Stall(5.0, 2.0, "before"), Stall(7.5, 2.0, "after")), seed=4)
def test_no_second_holds_more_than_the_quota(new_store: Any, stalls: tuple[Stall, ...], seed: int) -> None:
    """Not one call is rejected, and three seconds after the last stall the quota is used again."""
    check(new_store, stalls, seed)


def check(new_store: Any, stalls: tuple[Stall, ...], seed: int) -> None:
    """Let traffic run through these stalls."""
    ended = max(stall.ended for stall in stalls)
    run = traffic(new_store, stalls, seed).run(ended + 23)
    assert run.most_in_a_second() <= QUOTA
    assert all(accepted for _, accepted in run.arrivals)
    # Sends may come in bunches after a stall, so an interval of few seconds can begin or end between two.
    assert run.used(ended + 3, ended + 23, QUOTA) >= 0.95
