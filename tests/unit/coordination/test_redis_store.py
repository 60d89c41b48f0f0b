"""The Redis store keeps one time for all hosts and fails in time, in words, and without its password."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
import redis

from data_pipeline.coordination.redis import RedisStore
from data_pipeline.exceptions import CoordinationError


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    """The server as an administrator sees it."""
    return redis.Redis.from_url(redis_url)


def put(store: RedisStore, **state: Any) -> None:
    """Write these values."""
    store.update("k", lambda shared, _: shared.update(state))


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 1.0, -1.0])
def test_a_server_whose_clock_is_set_does_not_move_the_shared_time(
    redis_url: str, client: redis.Redis, jump: float
) -> None:
    """Whoever knows the time puts it right for everybody, also for those who come later."""
    store = RedisStore(redis_url)
    before = store.update("k", lambda _, now: now)
    client.set("data-pipeline:clock", jump)
    assert 0 <= store.update("k", lambda _, now: now) - before < 0.5
    assert 0 <= RedisStore(redis_url).now() - before < 0.5


def test_after_a_minute_of_silence_the_server_is_believed(redis_url: str, client: redis.Redis) -> None:
    """Clocks drift apart: a host that was silent for long does not call the server's clock wrong."""
    here = 1000.0
    store = RedisStore(redis_url, monotonic=lambda: here)
    before = store.now()
    client.set("data-pipeline:clock", 30.0)
    here += 61.0
    assert 30 <= store.now() - before < 35


def test_a_server_that_is_not_there_is_a_typed_error_without_the_password() -> None:
    """A refused connection names the server and what to check."""
    store = RedisStore("redis://:hunter2@127.0.0.1:1/0", patience=0.5)
    with pytest.raises(CoordinationError, match=r"redis://127\.0\.0\.1:1/0 .*no call is sent") as caught:
        put(store, a=1)
    assert "hunter2" not in f"{caught.value}{caught.value.__context__}{caught.value.__cause__}"


def test_a_server_that_never_answers_is_given_up_after_the_patience() -> None:
    """Somebody who accepts connections and says nothing is asked twice, half of the patience each."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as silent:
        store = RedisStore(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", patience=0.2)
        with pytest.raises(CoordinationError, match="TimeoutError"):
            store.read("k")
        silent.settimeout(1)
        assert [silent.accept()[0].close() for _ in range(2)] == [None, None]


def test_a_wrong_password_is_a_typed_error_that_does_not_repeat_it(redis_url: str, client: redis.Redis) -> None:
    """The server's refusal becomes one sentence about COORDINATION_URL."""
    client.config_set("requirepass", "another")
    try:
        with pytest.raises(CoordinationError, match="accepts the password in COORDINATION_URL") as caught:
            RedisStore(redis_url.replace("redis://", "redis://:hunter2@"), patience=0.5).read("k")
    finally:
        client.config_set("requirepass", "")
    assert "hunter2" not in str(caught.value)


def test_a_full_server_is_a_typed_error_and_keeps_the_old_state(redis_url: str, client: redis.Redis) -> None:
    """Without memory nothing is written, and the state can still be read once there is memory again."""
    store = RedisStore(redis_url)
    put(store, a=1)
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(CoordinationError, match="has memory left"):
            put(store, a=2)
    finally:
        client.config_set("maxmemory", 0)
    assert store.read("k") == {"a": 1}


@pytest.mark.parametrize("name", ["data-pipeline:k", "data-pipeline:clock"])
def test_somebody_elses_data_under_our_name_is_a_typed_error(redis_url: str, client: redis.Redis, name: str) -> None:
    """A value of another type is neither read nor replaced."""
    client.rpush(name, "theirs")
    with pytest.raises(CoordinationError, match="belongs to something else"):
        put(RedisStore(redis_url), a=1)
    assert client.lrange(name, 0, -1) == [b"theirs"]


def test_a_clock_that_is_no_number_is_a_typed_error(redis_url: str, client: redis.Redis) -> None:
    """A damaged shared time stops everybody."""
    client.set("data-pipeline:clock", "noon")
    with pytest.raises(CoordinationError, match="damaged"):
        RedisStore(redis_url).now()


def test_a_lost_connection_and_a_forgotten_script_go_unnoticed(redis_url: str, client: redis.Redis) -> None:
    """A server that closed the connection, or restarted without its scripts, is asked again."""
    store = RedisStore(redis_url)
    put(store, a=1)
    client.client_kill_filter(_type="normal", skipme=True)
    client.script_flush()
    put(store, b=2)
    assert store.read("k") == {"a": 1, "b": 2}


def test_a_state_that_nobody_changes_is_dropped_after_eight_days(redis_url: str, client: redis.Redis) -> None:
    """Keys of the past do not fill the server."""
    put(RedisStore(redis_url), a=1)
    assert 691_100 < client.ttl("data-pipeline:k") <= 691_200


def test_a_change_made_by_somebody_else_in_between_is_not_lost(redis_url: str) -> None:
    """A function whose state was changed meanwhile is called again with the newer one."""
    store, other = RedisStore(redis_url), RedisStore(redis_url)
    seen: list[int] = []

    def add(state: dict[str, Any], _: float) -> None:
        seen.append(state.get("n", 0))
        if len(seen) == 1:
            put(other, n=10)
        state["n"] = state.get("n", 0) + 1

    store.update("k", add)
    assert seen == [0, 10]
    assert store.read("k") == {"n": 11}


@pytest.mark.thorough
def test_a_server_that_stands_still_moves_no_shared_clock(redis_url: str, client: redis.Redis) -> None:
    """After an answer that took most of a second, everybody's time is the one from before, and nobody shifts it."""
    here = [1000.0]
    held, other = (RedisStore(redis_url, monotonic=lambda: time.monotonic() + here[0]) for _ in range(2))
    other.read("k")
    held.read("k")
    here[0] += 2.0
    client.set("data-pipeline:clock", "2.0")
    client.client_pause(700)
    held.read("k")
    told = held.update("k", lambda _, now: now)
    assert client.get("data-pipeline:clock") == b"2.0"
    assert abs(held.now() - told) < 0.1
    assert abs(other.now() - told) < 0.1
