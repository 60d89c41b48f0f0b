"""Every source that the contract holds for, on the same evening of the same market."""

from __future__ import annotations

import json
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.coordination.file import FileStore
from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.sources.kis import KISDataSource, KisSettings
from data_pipeline.sources.mock.source import MockDataSource

EVENING = "2026-11-20T20:30"
SESSION = date(2026, 11, 20)
RATE = 900


@pytest.fixture(scope="module", params=["mock", "kis-real", "kis-virtual"])
def kind(request):
    """Which source."""
    return request.param


@pytest.fixture(scope="module")
def emulator(kind, tmp_path_factory):
    """The server behind a KIS source; None for the mock."""
    if kind == "mock":
        yield None
        return
    server = kind.removeprefix("kis-")
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.write_text(json.dumps({APP_KEY: APP_SECRET}), encoding="utf-8")
    with EmulatorProcess(server=server, rate=1000, now=EVENING, frozen=True, keys=keys) as process:
        yield process


@pytest.fixture(scope="module")
def source(kind, emulator, tmp_path_factory):
    """The source, made once."""
    if emulator is None:
        made = MockDataSource(clock=lambda: datetime.fromisoformat(EVENING).replace(tzinfo=ZoneInfo("Asia/Seoul")))
    else:
        settings = KisSettings(
            APP_KEY, APP_SECRET, kind.removeprefix("kis-"), base_url=emulator.url, master_url=emulator.url,
            rate_limit=RATE, breaker_threshold=10_000,
        )  # fmt: skip
        made = KISDataSource(settings, FileStore(tmp_path_factory.mktemp("state")))
    with made:
        yield made


@pytest.fixture(autouse=True)
def no_faults(emulator):
    """Leave no fault behind."""
    yield
    if emulator is not None:
        emulator.set_faults()
