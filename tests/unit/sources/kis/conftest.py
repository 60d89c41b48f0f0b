"""Clients and sources over hand-written answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.coordination.file import FileStore
from data_pipeline.sources.kis.client import KisClient
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from tests.support.kis_answers import APP_KEY, APP_SECRET, FakeKis, FakeTime


@pytest.fixture
def fake_time():
    """A Friday evening after the day is final."""
    return FakeTime(datetime(2026, 11, 20, 20, 30, tzinfo=ZoneInfo("Asia/Seoul")))


@pytest.fixture
def kis():
    """The server."""
    return FakeKis()


@pytest.fixture
def store(tmp_path, fake_time):
    """Shared state in a folder of this test."""
    return FileStore(tmp_path / "state", clock=fake_time.monotonic, sleep=fake_time.sleep, boot_id="test")


@pytest.fixture
def make_client(kis, store, fake_time):
    """Make clients of that server."""

    def make(app_key_and_secret: tuple[str, str] = (APP_KEY, APP_SECRET), **settings: Any) -> KisClient:
        chosen = KisSettings(*app_key_and_secret, **{"rate_limit": 1000.0, **settings})
        return KisClient(chosen, store, kis, fake_time.now, fake_time.sleep, lambda: fake_time.now().timestamp())

    return make


@pytest.fixture
def make_source(kis, store, fake_time):
    """Make sources over that server."""

    def make(**settings: Any) -> KISDataSource:
        chosen = KisSettings(APP_KEY, APP_SECRET, **{"rate_limit": 1000.0, **settings})
        return KISDataSource(
            chosen, store, kis, clock=fake_time.now, sleep=fake_time.sleep, wall=lambda: fake_time.now().timestamp()
        )

    return make
