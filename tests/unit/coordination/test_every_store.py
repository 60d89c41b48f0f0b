"""What every store of shared state promises, on files and on a real Redis server."""

from __future__ import annotations

import json
import platform
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet

from data_pipeline.coordination.envelope import FORMAT
from data_pipeline.coordination.opening import open_store
from data_pipeline.coordination.store import Store
from data_pipeline.exceptions import CoordinationError
from tests.support.dated_file import write_now

Open = Callable[..., Store]


@pytest.fixture(params=["file", "redis"])
def url(request: Any, tmp_path: Path) -> str:
    """Where the state lies."""
    return str(request.getfixturevalue("redis_url")) if request.param == "redis" else tmp_path.as_uri()


@pytest.fixture
def opened(url: str) -> Open:
    """Opens a further store at the same place, with this Fernet key."""
    return lambda key="": open_store(url, {"AIRFLOW__CORE__FERNET_KEY": key})


@pytest.fixture
def raw(url: str, tmp_path: Path) -> Any:
    """The bytes of the state of ``k``, to look at and to put there."""
    if url.startswith("file:"):
        path = tmp_path / "k.json"
        return SimpleNamespace(read=path.read_bytes, write=partial(write_now, path))
    client = redis.Redis.from_url(url)
    return SimpleNamespace(
        read=lambda: client.get("data-pipeline:k"), write=lambda content: client.set("data-pipeline:k", content)
    )


def put(store: Store, key: str = "k", *, lasting: bool = False, **state: Any) -> None:
    """Write these values."""
    store.update(key, lambda shared, _: shared.update(state), lasting=lasting)


def test_a_state_that_nobody_wrote_is_empty(opened: Open) -> None:
    """A new key reads as an empty state."""
    assert opened().read("k") == {}


def test_another_store_at_the_place_reads_what_was_written(opened: Open) -> None:
    """What one store writes, another one reads."""
    put(opened(), a=1, b=[1.5, 2.5])
    assert opened().read("k") == {"a": 1, "b": [1.5, 2.5]}


def test_a_change_returns_what_its_function_returns_and_gets_the_time(opened: Open) -> None:
    """The function's result comes back, and its time is the one that every store at the place tells."""
    first, second = opened(), opened()
    told = first.update("k", lambda _, now: now)
    assert told <= second.update("k", lambda _, now: now)
    assert 0 <= second.now() - told < 5


def test_a_function_that_raises_changes_nothing(opened: Open) -> None:
    """The state stays as it was, and the next change is not held up."""
    store = opened()
    put(store, a=1)

    def fail(state: dict[str, Any], now: float) -> None:
        state["a"] = 2
        raise KeyError(now)

    with pytest.raises(KeyError):
        store.update("k", fail)
    put(store, b=3)
    assert store.read("k") == {"a": 1, "b": 3}


def test_keys_are_apart(opened: Open) -> None:
    """Two keys hold two states."""
    store = opened()
    put(store, "a", x=1)
    put(store, "b", x=2)
    assert (store.read("a"), store.read("b")) == ({"x": 1}, {"x": 2})


@pytest.mark.parametrize("key", ["", "../up", "a/b", ".hidden", "a b", "a\0b", "x" * 101])
def test_a_key_that_is_no_name_is_refused(opened: Open, key: str) -> None:
    """A key can never name anything but a state."""
    with pytest.raises(ValueError, match="a key is"):
        opened().read(key)
    with pytest.raises(ValueError, match="a key is"):
        put(opened(), key, a=1)


@pytest.mark.thorough
def test_threads_exclude_each_other(opened: Open) -> None:
    """Eight threads that each add one fifty times through one store end at 400."""
    store = opened()

    def add() -> None:
        for _ in range(50):
            store.update("k", lambda state, _: state.update(n=state.get("n", 0) + 1))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read("k") == {"n": 400}


def test_a_state_that_json_cannot_hold_is_refused(opened: Open) -> None:
    """Infinity is a mistake of the caller; the old state stays and the next change works."""
    store = opened()
    put(store, a=1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        put(store, a=float("inf"))
    put(store, b=2)
    assert store.read("k") == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"9" * 5000,
        b" " * 1_000_001,
        b'{"state": {"a": 1}}',
        b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01.",
        b'{"format": "data_pipeline.coordination", "state": []}',
        b'{"format": "data_pipeline.coordination", "state": {"a": NaN}}',
    ],
)
def test_content_that_is_not_ours_is_a_typed_error(opened: Open, raw: Any, content: bytes) -> None:
    """Damaged or foreign content, a pickle too, says what to do; it is neither used nor overwritten."""
    raw.write(content)
    with pytest.raises(CoordinationError, match="delete it"):
        opened().read("k")
    with pytest.raises(CoordinationError, match="delete it"):
        put(opened(), a=1)
    assert raw.read() == content


def sealed_by_0_1(key: str, **state: Any) -> bytes:
    """The bytes that version 0.1 wrote when it had that Fernet key."""
    sealed = Fernet(key).encrypt(json.dumps(state).encode()).decode()
    return json.dumps({"format": FORMAT, "boot": "b", "host": platform.node(), "at": 1.0, "sealed": sealed}).encode()


def test_a_fernet_key_splits_nobody(opened: Open) -> None:
    """Stores with different Fernet keys or none read and change the same state."""
    keys = ["", *(Fernet.generate_key().decode() for _ in range(2))]
    for key in keys * 2:
        opened(key).update("k", lambda state, _: state.update(n=state.get("n", 0) + 1), lasting=True)
    assert [opened(key).read("k", lasting=True) for key in keys] == [{"n": 6}] * 3


def test_what_version_0_1_sealed_is_opened_with_its_key(opened: Open, raw: Any) -> None:
    """Airflow writes several keys with commas, newest first; any of them opens it, and a change unseals it."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    raw.write(sealed_by_0_1(old, n=1))
    store = opened(f"{new},{old}")
    assert store.read("k", lasting=True) == {"n": 1}
    store.update("k", lambda state, _: state.update(n=2), lasting=True)
    assert opened().read("k", lasting=True) == {"n": 2}


@pytest.mark.parametrize("given", [True, False])
def test_what_version_0_1_sealed_with_another_key_is_neither_empty_nor_overwritten(
    opened: Open, raw: Any, *, given: bool
) -> None:
    """Without its key it is an error that says what to do, and it stays for whoever can open it."""
    content = sealed_by_0_1(Fernet.generate_key().decode(), n=1)
    raw.write(content)
    store = opened(Fernet.generate_key().decode() if given else "")
    with pytest.raises(CoordinationError, match="AIRFLOW__CORE__FERNET_KEY"):
        store.read("k", lasting=True)
    with pytest.raises(CoordinationError, match="AIRFLOW__CORE__FERNET_KEY"):
        store.update("k", lambda state, _: state.update(n=9), lasting=True)
    assert raw.read() == content
