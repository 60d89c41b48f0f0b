"""Every source that the contract holds for, on the same evening of the same market."""

from __future__ import annotations

import json
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.coordination.file import FileStore
from data_pipeline.emulator.krx.wire import API_KEY
from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from data_pipeline.sources.mock.source import MockDataSource

EVENING = "2026-11-20T20:30"
MONDAY = "2026-11-23T08:30"
"""When KRX has published the Friday whose evening the others are asked on."""
SESSION = date(2026, 11, 20)
RATE = 900


def at(moment):
    """Return an ISO moment in Seoul."""
    return datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Asia/Seoul"))


@pytest.fixture(scope="module", params=["mock", "kis-real", "kis-virtual", "krx"])
def kind(request):
    """Which source."""
    return request.param


@pytest.fixture(scope="module")
def emulator(kind, tmp_path_factory):
    """The server behind a KIS or KRX source; None for the mock."""
    if kind == "mock":
        yield None
        return
    if kind == "krx":
        with EmulatorProcess(now=MONDAY, frozen=True) as process:
            yield process
        return
    server = kind.removeprefix("kis-")
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.write_text(json.dumps({APP_KEY: APP_SECRET}), encoding="utf-8")
    with EmulatorProcess(server=server, rate=1000, now=EVENING, frozen=True, keys=keys) as process:
        yield process


@pytest.fixture(scope="module")
def source(kind, emulator, tmp_path_factory):
    """The source, made once."""
    made: AbstractDataSource
    if emulator is None:
        made = MockDataSource(clock=lambda: at(EVENING))
    elif kind == "krx":
        key = KrxSettings(API_KEY, base_url=emulator.url)
        made = KRXDataSource(key, FileStore(tmp_path_factory.mktemp("state")), clock=lambda: at(MONDAY))
    else:
        settings = KisSettings(
            APP_KEY, APP_SECRET, kind.removeprefix("kis-"), base_url=emulator.url, master_url=emulator.url,
            rate_limit=RATE, breaker_threshold=10_000,
        )  # fmt: skip
        made = KISDataSource(settings, FileStore(tmp_path_factory.mktemp("state")), clock=lambda: at(EVENING))
    with made:
        yield made


@pytest.fixture
def live(kind):
    """Skip for a source that publishes whole days only."""
    if kind == "krx":
        pytest.skip("KRX has no quotes, books, minutes or charts; its own tests say so")


@pytest.fixture(autouse=True)
def no_faults(emulator):
    """Leave no fault behind."""
    yield
    if emulator is not None:
        emulator.set_faults()
