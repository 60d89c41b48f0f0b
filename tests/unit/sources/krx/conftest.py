"""Clients and sources over hand-written answers."""

from __future__ import annotations

from typing import Any

import pytest

from data_pipeline.coordination.file import FileStore
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from tests.support.krx_answers import API_KEY, Clock, FakeKrx


@pytest.fixture
def clock():
    """Half past eight on the Monday after the Friday that the answers are of."""
    return Clock()


@pytest.fixture
def krx():
    """The server."""
    return FakeKrx()


@pytest.fixture
def store(tmp_path):
    """Shared state in a folder of this test."""
    return FileStore(tmp_path / "state")


@pytest.fixture
def make_source(krx, store, clock):
    """Make sources over that server."""

    def make(**settings: Any) -> KRXDataSource:
        return KRXDataSource(KrxSettings(API_KEY, **settings), store, krx, clock=clock.now, sleep=clock.sleep)

    return make
