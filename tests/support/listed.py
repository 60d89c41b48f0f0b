"""Databases that already list the instruments of 22 September 2026: loading 2,760 of them is what costs a test time.

A file whose tests begin with that list overrides the fixture ``contents`` by one of these.
"""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime

import psycopg2
import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.sources.factory import create_data_source
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.warehouse.connect import connect
from tests.support.kis_settings import kis_settings

TUESDAY = date(2026, 9, 22)
EVENING = datetime(2026, 9, 22, 21, 40, tzinfo=SEOUL)


def load_instruments(connection, source):
    """Load the list of instruments."""
    load_window(connection, source, DATASETS["instrument"], Window((), TUESDAY, TUESDAY), Run())


def _listed(server, name, source):
    with closing(psycopg2.connect(server.url("postgres", "admin"))) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE market OWNER market_owner STRATEGY file_copy")
    with pytest.MonkeyPatch.context() as patch, closing(connect(server.url(name, "owner"))) as connection:
        patch.setenv("MARKET_CLOCK", EVENING.isoformat())
        load_instruments(connection, source)
    return name


@pytest.fixture(scope="session")
def mock_list(server):
    """The synthetic market's list, loaded by its own source."""
    return _listed(server, "mock_list", MockDataSource(clock=lambda: EVENING))


@pytest.fixture(scope="session")
def kis_list(server, tmp_path_factory):
    """The list of an emulated KIS server."""
    with (
        EmulatorProcess(rate=200, now=EVENING.isoformat(), frozen=True) as emulator,
        create_data_source("kis", kis_settings(emulator, tmp_path_factory.mktemp("kis_list"))) as source,
    ):
        return _listed(server, "kis_list", source)
