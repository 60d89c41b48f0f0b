"""The cache gives an answer again for as long as it may, and never in place of an error or a better one."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from data_pipeline.client.cache import AnswerCache
from data_pipeline.client.cache_places import MemoryPlace
from data_pipeline.market.records import StockInfo

SAMSUNG = StockInfo("005930", "Samsung Electronics", "KOSPI", listed_shares=5_919_637_922)


class Maker:
    """Makes 1, 2, 3, ... and so counts how often it was asked."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> int:
        self.made += 1
        return self.made


@pytest.fixture
def place(clock: Any) -> MemoryPlace:
    """An empty memory on the clock."""
    return MemoryPlace(clock)


@pytest.fixture
def cache(place: MemoryPlace, clock: Any) -> AnswerCache[int]:
    """Whole numbers, each for ten seconds."""
    return AnswerCache(place, "numbers", 10, int, clock)


def test_a_value_is_given_again_until_its_time_is_over(cache: AnswerCache[int], clock: Any) -> None:
    """Ten seconds mean ten seconds, the last moment excluded, and the age is told."""
    make = Maker()
    assert [cache.get("a", make), cache.get("a", make)] == [(1, 0.0), (1, 0.0)]
    clock.advance(9.5)
    assert cache.get("a", make) == (1, 9.5)
    clock.advance(0.5)
    assert cache.get("a", make) == (2, 0.0)


def test_keys_and_kinds_are_apart(place: MemoryPlace, cache: AnswerCache[int], clock: Any) -> None:
    """Each key of each kind has its own value."""
    make, other = Maker(), AnswerCache[int](place, "others", 10, int, clock)
    assert [one.get(key, make)[0] for one, key in ((cache, "a"), (cache, "b"), (other, "a"), (cache, "a"))] == [
        1,
        2,
        3,
        1,
    ]


def test_an_error_is_not_kept(cache: AnswerCache[int]) -> None:
    """A failed call is asked again."""
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 // 0)
    assert cache.get("a", lambda: 7) == (7, 0.0)


def test_a_slow_answer_ages_from_when_it_was_asked(cache: AnswerCache[int], clock: Any) -> None:
    """Time spent making the value counts against its life, and one that took longer is not kept."""

    def slowly(seconds: float) -> int:
        clock.advance(seconds)
        return 1

    cache.get("a", lambda: slowly(8))
    assert cache.get("a", lambda: 2) == (1, 8.0)
    clock.advance(2)
    assert cache.get("a", lambda: slowly(11)) == (1, 0.0)
    assert cache.get("a", lambda: 3) == (3, 0.0)


def test_what_lies_there_is_json_with_version_and_time(place: MemoryPlace, clock: Any) -> None:
    """Anybody can read it."""
    cache = AnswerCache[StockInfo](place, "infos", 10, StockInfo, clock)
    cache.get("005930", lambda: SAMSUNG)
    lies = json.loads(place.get("infos:005930") or b"")
    assert (lies["version"], lies["key"], lies["fetched_at"]) == (1, "infos:005930", "1970-01-01T00:01:40Z")
    assert (lies["value"]["stock_name"], lies["value"]["listed_shares"]) == ("Samsung Electronics", 5_919_637_922)
    assert cache.get("005930", Maker())[0] == SAMSUNG  # type: ignore[arg-type]


GOOD = {"version": 1, "key": "numbers:a", "fetched_at": "1970-01-01T00:01:40Z", "value": 5}


@pytest.mark.parametrize(
    "foreign",
    [
        b"", b"\xff\x00", b"hello", b"null", b"[1]", b"{", b"[" * 100_000,
        *(
            json.dumps(GOOD | other).encode()
            for other in (
                {"version": 2}, {"version": "1"}, {"key": "numbers:b"}, {"value": "5"}, {"value": None}, {"more": 1},
                {"fetched_at": "yesterday"}, {"fetched_at": "1970-01-01T00:01:40"}, {"fetched_at": 100},
                {"fetched_at": "1970-01-01T00:01:30Z"}, {"fetched_at": "1970-01-01T00:02:41Z"},
            )
        ),
    ],
)  # fmt: skip
def test_foreign_bytes_are_a_miss(foreign: bytes, place: MemoryPlace, cache: AnswerCache[int]) -> None:
    """Whatever lies under a key that is no young answer of this version and type is made anew and replaced."""
    place.put("numbers:a", json.dumps(GOOD).encode(), 10)
    assert cache.get("a", Maker()) == (5, 0.0)
    place.put("numbers:a", foreign, 10)
    make = Maker()
    assert [cache.get("a", make)[0], cache.get("a", make)[0]] == [1, 1]


def test_a_record_that_contradicts_itself_is_a_miss(place: MemoryPlace, clock: Any) -> None:
    """Records check themselves, whoever makes them."""
    cache = AnswerCache[StockInfo](place, "infos", 10, StockInfo, clock)
    wrong = {"stock_code": "005930", "stock_name": "S", "market": "NYSE"}
    kept = {"version": 1, "key": "infos:005930", "fetched_at": "1970-01-01T00:01:40Z", "value": wrong}
    place.put("infos:005930", json.dumps(kept).encode(), 10)
    assert cache.get("005930", lambda: SAMSUNG)[0] == SAMSUNG


def test_threads_that_miss_together_make_one(place: MemoryPlace, clock: Any) -> None:
    """The others wait for the first."""
    cache, make = AnswerCache[int](place, "numbers", 10, int, clock), Maker()
    entered, go, found = threading.Event(), threading.Event(), []

    def slowly() -> int:
        entered.set()
        assert go.wait(10)
        return make()

    crew = [threading.Thread(target=lambda: found.append(cache.get("a", slowly)[0])) for _ in range(4)]
    for one in crew:
        one.start()
    assert entered.wait(10)
    go.set()
    for one in crew:
        one.join(10)
    assert (found, make.made) == ([1, 1, 1, 1], 1)


def test_the_oldest_goes_when_memory_is_full(place: MemoryPlace, cache: AnswerCache[int]) -> None:
    """With room for 1,024, the next one pushes the first out."""
    make = Maker()
    for number in range(1025):
        cache.get(f"{number}", make)
    assert [cache.get("1024", make)[0], cache.get("1", make)[0], cache.get("0", make)[0]] == [1025, 2, 1026]


def test_clear_forgets_a_beginning(place: MemoryPlace, cache: AnswerCache[int], clock: Any) -> None:
    """What begins otherwise stays."""
    make, other = Maker(), AnswerCache[int](place, "others", 10, int, clock)
    cache.get("a", make)
    other.get("a", make)
    assert place.clear("numbers:") == 1
    assert [cache.get("a", make)[0], other.get("a", make)[0]] == [3, 2]
