"""``COORDINATION_URL`` names the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from data_pipeline.coordination.envelope import FORMAT
from data_pipeline.coordination.opening import open_store
from data_pipeline.coordination.store import damaged, hashed, number
from data_pipeline.exceptions import ConfigurationError, CoordinationError


def test_a_file_url_names_a_directory() -> None:
    """The URL's path is the directory, with percent signs decoded."""
    assert open_store("file:///var/lib/my%20state").location("k") == "/var/lib/my state/k.json"


def test_the_variable_is_read_when_no_url_is_given() -> None:
    """Without an argument the environment decides."""
    assert open_store(environ={"COORDINATION_URL": "file:///srv/s"}).location("k") == "/srv/s/k.json"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/data-pipeline/coordination/k.json"),
        ({"XDG_STATE_HOME": "rel", "HOME": "/h"}, "/h/.local/state/data-pipeline/coordination/k.json"),
        ({"COORDINATION_URL": "", "HOME": "/h"}, "/h/.local/state/data-pipeline/coordination/k.json"),
    ],
)
def test_the_default_is_the_users_state_directory(environ: dict[str, str], expected: str) -> None:
    """The XDG state directory is used when it is absolute, else ~/.local/state."""
    assert open_store(environ=environ).location("k") == expected


@pytest.mark.parametrize(
    "url",
    ["ftp://:hunter2@h/0", "/tmp/s", "file://", "file:///", "file:rel", "file://host/s", "file:///s?x=1", "x"],
)
def test_any_other_url_is_refused(url: str) -> None:
    """Another scheme or a relative path is a configuration error that says what works and repeats no password."""
    with pytest.raises(ConfigurationError, match="COORDINATION_URL must be file:///") as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["redis://:hunter2@h/0?a=1", "redis:///0", "redis://u:hunter2@h:x/0", "rediss://h/db"])
def test_a_redis_url_that_names_no_server_is_refused(url: str) -> None:
    """The error shows the form that works and repeats no password."""
    with pytest.raises(ConfigurationError, match="COORDINATION_URL must be redis://") as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


def test_a_redis_url_names_a_server_for_many_hosts() -> None:
    """The place is told without the password, and nothing is connected before its first use."""
    store = open_store("redis://:hunter2@state.example:6380/2")
    assert store.location("k") == "redis://state.example:6380/2 data-pipeline:k"
    assert "hunter2" not in repr(store)


def test_airflows_fernet_key_opens_what_version_0_1_sealed(tmp_path: Path) -> None:
    """The key in the environment is the one under which version 0.1 wrote."""
    key = Fernet.generate_key().decode()
    sealed = Fernet(key).encrypt(b'{"n": 1}').decode()
    (tmp_path / "k.json").write_text(json.dumps({"format": FORMAT, "sealed": sealed}), encoding="utf-8")
    store = open_store(f"file://{tmp_path}", {"AIRFLOW__CORE__FERNET_KEY": key})
    assert store.read("k", lasting=True) == {"n": 1}


def test_an_app_key_is_named_by_its_hash() -> None:
    """The name is the beginning of the SHA-256 of the key (FIPS 180-2, the digest of "abc")."""
    assert hashed("abc") == "ba7816bf8f01cfea"


@pytest.mark.parametrize("value", ["1", None, True, float("nan"), float("inf"), 10**400, [1]])
def test_only_finite_numbers_are_numbers(value: object) -> None:
    """Anything but a finite number in a state is damage, and the message does not repeat it."""
    with pytest.raises(CoordinationError, match="next_slot is not a number"):
        number({"next_slot": value}, "next_slot", 0.0, "here")


def test_damage_says_where_and_what_to_do() -> None:
    """The message names the place and the way out."""
    assert str(damaged("/s/k.json", "it is not JSON")).startswith("/s/k.json: it is not JSON. ")
