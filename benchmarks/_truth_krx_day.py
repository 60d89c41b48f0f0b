"""A day of the whole market from the exchange, over real HTTP, fetched, checked and loaded."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

from data_pipeline.coordination.file import FileStore
from data_pipeline.emulator.krx.wire import API_KEY
from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.engine.official import load_official
from data_pipeline.engine.one_window import Run
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

_MORNING = datetime(2026, 11, 23, 8, 30, tzinfo=SEOUL)
_SESSIONS = (date(2026, 11, 20), date(2026, 11, 19), date(2026, 11, 18))


def seconds_over_server() -> float:
    """Return the most seconds that one of three days took beyond the time the server itself needed to answer."""
    with tempfile.TemporaryDirectory(prefix="data-pipeline-krx-day-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # Postgres runs under an account of its own
        server = EmbeddedPostgres(folder / "postgres", durable=True)
        with server, EmulatorProcess(now=f"{_MORNING:%Y-%m-%dT%H:%M}", frozen=True) as krx:
            server.create_database("market")
            migrate(server.url("market"))
            settings, store = KrxSettings(API_KEY, base_url=krx.url), FileStore(folder / "state")
            with (
                closing(connect(server.url("market", "loader"))) as connection,
                KRXDataSource(settings, store, clock=lambda: _MORNING) as source,
            ):
                most = 0.0
                for session in _SESSIONS:
                    krx.forget_requests()
                    began = time.perf_counter()
                    load_official(connection, source, session, Run(), None)
                    took = time.perf_counter() - began
                    most = max(most, took - sum(one["milliseconds"] for one in krx.requests()) / 1000)
        return round(most, 3)
