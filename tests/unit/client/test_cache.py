"""The cache gives an answer again for a while, and keeps no more than it should."""

from __future__ import annotations

from typing import Any

import pytest

from data_pipeline.client.cache import TTLCache


class Maker:
    """Makes 1, 2, 3, ... and so counts how often it was asked."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> int:
        self.made += 1
        return self.made


def test_a_value_is_given_again_until_its_time_is_over(clock: Any) -> None:
    """Ten seconds mean ten seconds, the last moment excluded."""
    cache, make = TTLCache[int](10, clock), Maker()
    assert [cache.get("a", make), cache.get("a", make)] == [1, 1]
    clock.advance(9.99)
    assert cache.get("a", make) == 1
    clock.advance(0.01)
    assert cache.get("a", make) == 2


@pytest.mark.parametrize("ttl", [0, None])
def test_no_time_means_no_cache(clock: Any, ttl: float | None) -> None:
    """0 or None asks anew each time."""
    cache, make = TTLCache[int](ttl, clock), Maker()
    assert [cache.get("a", make), cache.get("a", make)] == [1, 2]


def test_keys_are_apart(clock: Any) -> None:
    """Each key has its own value."""
    cache, make = TTLCache[int](10, clock), Maker()
    assert [cache.get("a", make), cache.get("b", make), cache.get("a", make)] == [1, 2, 1]


def test_the_oldest_goes_when_it_is_full(clock: Any) -> None:
    """With room for two, the third pushes the first out."""
    cache, make = TTLCache[int](10, clock, max_size=2), Maker()
    for key in "abc":
        cache.get(key, make)
    assert [cache.get("c", make), cache.get("b", make), cache.get("a", make)] == [3, 2, 4]


def test_an_error_is_not_kept(clock: Any) -> None:
    """A failed call is asked again."""
    cache = TTLCache[int](10, clock)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 // 0)
    assert cache.get("a", lambda: 7) == 7


def test_clear_forgets(clock: Any) -> None:
    """After clearing, everything is made anew."""
    cache, make = TTLCache[int](10, clock), Maker()
    cache.get("a", make)
    cache.clear()
    assert cache.get("a", make) == 2


def test_a_slow_answer_ages_from_when_it_was_asked(clock: Any) -> None:
    """Time spent making the value counts against its life."""
    cache = TTLCache[int](10, clock)

    def slowly() -> int:
        clock.advance(8)
        return 1

    cache.get("a", slowly)
    clock.advance(2)
    assert cache.get("a", lambda: 2) == 2
