"""The Redis of the cache is one for all processes, and one that is away costs little and no answer."""

from __future__ import annotations

import logging
import socket
import threading
from typing import Any

import pytest
import redis

from data_pipeline.client.cache import AnswerCache
from data_pipeline.client.cache_places import LOCK_SECONDS, PATIENCE, REST_SECONDS, RedisPlace
from data_pipeline.exceptions import ConfigurationError, CoordinationError


@pytest.fixture
def silent():
    """The URL of a server that takes connections and never says a word, and how many it took."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield f"redis://:word@127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def dead():
    """The URL of a port on which nobody listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


PLACES: list[RedisPlace] = []


@pytest.fixture(autouse=True)
def _closed():
    """No connection outlives its test."""
    yield
    while PLACES:
        PLACES.pop().close()


def opened(url: str, *how: Any) -> RedisPlace:
    """A place that is closed after the test."""
    PLACES.append(RedisPlace(url, *how))
    return PLACES[-1]


def numbers(url: str, clock: Any = None, ttl: float = 60.0) -> AnswerCache[int]:
    """A cache of whole numbers, as another process would have it."""
    place = opened(url) if clock is None else opened(url, clock, clock.sleep)
    return AnswerCache(place, "numbers", ttl, int)


def test_an_answer_is_for_all_processes(redis_url: str) -> None:
    """What one makes, the next one is given, and the server forgets it when its time is over."""
    assert numbers(redis_url).get("a", lambda: 1)[0] == 1
    found, age = numbers(redis_url).get("a", lambda: 2)
    assert found == 1
    assert age >= 0
    with redis.Redis.from_url(redis_url) as client:
        assert 50_000 < client.pttl("data-pipeline-cache:numbers:a") <= 60_000
        assert client.keys("*lock*") == []


def test_one_process_makes_and_the_others_wait(redis_url: str) -> None:
    """Each with a connection of its own, all of them given the one answer."""
    entered, go, made, found = threading.Event(), threading.Event(), [], []

    def slowly() -> int:
        made.append(1)
        entered.set()
        assert go.wait(10)
        return 7

    crew = [
        threading.Thread(target=lambda one: found.append(one.get("a", slowly)[0]), args=(numbers(redis_url),))
        for _ in range(5)
    ]
    for one in crew:
        one.start()
    assert entered.wait(10)
    go.set()
    for one in crew:
        one.join(10)
    assert (found, made) == ([7] * 5, [1])


@pytest.mark.thorough
def test_the_lock_of_a_maker_that_died_is_waited_for_only_so_long(redis_url: str, clock: Any) -> None:
    """After its time everybody makes their own; a lock of others is never let go."""
    with redis.Redis.from_url(redis_url) as client:
        client.set("data-pipeline-cache:numbers:a:lock", "somebody")
        assert numbers(redis_url, clock).get("a", lambda: 1)[0] == 1
        assert client.get("data-pipeline-cache:numbers:a:lock") == b"somebody"
    assert LOCK_SECONDS <= sum(clock.slept) < LOCK_SECONDS + 0.1


@pytest.mark.parametrize("foreign", ["text", "list"])
def test_somebody_elses_value_is_replaced(foreign: str, redis_url: str) -> None:
    """Whatever kind of value it is, it counts as no answer and not as a failure."""
    name = "data-pipeline-cache:numbers:a"
    with redis.Redis.from_url(redis_url) as client:
        client.set(name, "x") if foreign == "text" else client.rpush(name, "x")
    cache = numbers(redis_url)
    assert [cache.get("a", lambda: 1)[0], cache.get("a", lambda: 2)[0]] == [1, 1]


@pytest.mark.parametrize("server", ["dead", "silent"])
def test_a_server_that_is_away_is_asked_once_and_costs_no_answer(
    server: str, request: Any, clock: Any, caplog: Any
) -> None:
    """Neither for the rest of that call nor until it has rested; the log says so without the address."""
    cache = numbers(request.getfixturevalue(server), clock)
    place = cache._place
    with caplog.at_level(logging.WARNING):
        assert [cache.get("a", iter([one]).__next__)[0] for one in (1, 2, 3)] == [1, 2, 3]
    assert place.failures == 1
    assert "the cache is away" in caplog.text
    assert "redis://" not in caplog.text + repr(place)
    clock.advance(REST_SECONDS)
    assert cache.get("a", lambda: 4)[0] == 4
    assert place.failures == 2


def test_a_server_that_died_during_the_making_is_not_asked_twice(redis_url: str, dead: str, clock: Any) -> None:
    """Even when the making took longer than the rest: one call waits for it once."""
    cache = numbers(dead, clock)
    assert cache.get("a", lambda: clock.advance(REST_SECONDS + 1) or 1)[0] == 1
    assert cache._place.failures == 1


def test_the_patience_with_a_silent_server_is_below_fifty_milliseconds() -> None:
    """As it was promised; the connection is taken at once, so one wait is all."""
    assert PATIENCE < 0.05


def test_clear_forgets_one_beginning_for_all(redis_url: str) -> None:
    """A star in a name is no pattern."""
    cache, other = numbers(redis_url), AnswerCache[int](opened(redis_url), "numb*", 60, int)
    for key in "abc":
        cache.get(key, lambda: 1)
    other.get("a", lambda: 1)
    place = opened(redis_url)
    assert [place.clear("numb*:"), place.clear("numbers:"), place.clear("numbers:")] == [1, 3, 0]


def test_clear_of_a_server_that_is_away_says_so(dead: str) -> None:
    """Nobody is told that a cache is empty that could not be asked."""
    with pytest.raises(CoordinationError, match="try again"):
        opened(dead).clear("numbers:")


@pytest.mark.parametrize("url", ["file:///srv", "redis://h:port/0", "http://127.0.0.1", "words"])
def test_an_address_of_no_redis_is_refused(url: str) -> None:
    """The message names the setting and does not repeat what may hold a password."""
    with pytest.raises(ConfigurationError, match="CACHE_URL") as refused:
        RedisPlace(url)
    assert url not in str(refused.value)
    assert refused.value.__context__ is None
