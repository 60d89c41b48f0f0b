"""Processes that share an app key and differ in all else ask a real server for its token once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from tests.support.project import ROOT

SHARER = Path(__file__).with_name("sharer.py")
OLDER_SECRET = "older-secret".ljust(180, "0")
Sharer = subprocess.Popen[str]
Start = Callable[..., Sharer]


@pytest.fixture(params=["file", "redis"])
def url(request: Any, tmp_path: Path) -> str:
    """A store of each kind."""
    return str(request.getfixturevalue("redis_url")) if request.param == "redis" else f"{tmp_path.as_uri()}/state"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[EmulatorProcess]:
    """A server that knows one key with one secret and issues one token a minute."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({APP_KEY: APP_SECRET}), encoding="ascii")
    with EmulatorProcess(keys=keys, rate=1000, now="2026-11-20T11:00") as emulator:
        yield emulator


@pytest.fixture
def start(url: str, emulator: EmulatorProcess) -> Iterator[Start]:
    """Starts a process with this secret and this Fernet key; kills what is left at the end."""
    sharers: list[Sharer] = []

    def start_one(secret: str = APP_SECRET, fernet_key: str = "", patience: float = 30.0, calls: int = 8) -> Sharer:
        arguments = [url, emulator.url, secret, fernet_key, str(patience), str(calls)]
        command, environ = [sys.executable, str(SHARER), *arguments], {**os.environ, "PYTHONPATH": str(ROOT)}
        sharer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ)
        sharers.append(sharer)
        return sharer

    yield start_one
    for sharer in sharers:
        sharer.kill()
        sharer.communicate()


def outcomes(*sharers: Sharer) -> list[dict[str, int]]:
    """Let them begin at once when all are ready, and return how each one's calls ended."""
    for sharer in sharers:
        assert sharer.stdout is not None
        assert sharer.stdout.readline() == "ready\n"
    for sharer in sharers:
        assert sharer.stdin is not None
        sharer.stdin.write("\n")
        sharer.stdin.flush()
    return [json.loads(sharer.communicate(timeout=120)[0]) for sharer in sharers]


def test_sharers_with_different_fernet_keys_ask_for_one_token(start: Start, emulator: EmulatorProcess) -> None:
    """Six processes with two Fernet keys or none, begun at once, each new for every call: one request, none refused."""
    keys = ["", *(Fernet.generate_key().decode() for _ in range(2))]
    assert outcomes(*(start(fernet_key=key) for key in keys * 2)) == [{"answered": 8}] * 6
    assert [entry["accepted"] for entry in emulator.requests(path="/oauth2/tokenP")] == [True]


def test_a_wrong_secret_beside_them_asks_for_nothing_within_the_minute(start: Start, emulator: EmulatorProcess) -> None:
    """Who cannot open the token and may not ask yet waits, without a request, and disturbs nobody who can."""
    keys = ["", Fernet.generate_key().decode()]
    first, right = start(calls=1), [start(fernet_key=key) for key in keys]
    wrong = [start(OLDER_SECRET, key, patience=0.2, calls=4) for key in keys]
    assert outcomes(first) == [{"answered": 1}]
    assert outcomes(*right, *wrong) == [{"answered": 8}] * 2 + [{"StillWaitingError": 4}] * 2
    assert [entry["accepted"] for entry in emulator.requests(path="/oauth2/tokenP")] == [True]
