"""Hostile answers through the real client, parsers, checks and load into a Postgres that is thrown away afterwards."""

from __future__ import annotations

import io
import random
import resource
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from benchmarks._truth_bodies import BODIES, CODE, HEAVY, ROWS, Chance, Reply, chart, chart_row, reply_of, spoilt
from data_pipeline.coordination.file import FileStore
from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.market.window import Window
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

FIRST, LAST = date(2026, 11, 9), date(2026, 11, 20)


@dataclass
class Outcome:
    """What the fuzzing counted."""

    bodies: int = 0
    untyped: Counter[str] = field(default_factory=Counter)
    """Errors from outside the tree, by kind of body and class."""
    refused: Counter[str] = field(default_factory=Counter)
    """Windows that failed, by class of error."""
    bad_rows: int = 0
    """Rows sent that are wrong."""
    lost_rows: Counter[str] = field(default_factory=Counter)
    """Wrong rows that are not in quarantine, by kind."""
    bad_rows_loaded: int = 0
    quarantined: int = 0
    peak_mb: float = 0.0


class Transport(BaseAdapter):
    """Answers the token, and each chart with the body that is set."""

    def __init__(self) -> None:
        super().__init__()
        self.body: Callable[[], Any] = io.BytesIO
        self.headers: dict[str, str] = {}
        self.status = 200

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return the answer; its body is read as from a socket."""
        response = requests.Response()
        token = b'{"access_token": "t", "token_type": "Bearer", "expires_in": 86400}'
        of_token = "tokenP" in (request.url or "")
        headers = {} if of_token else self.headers
        response.status_code, response.url, response.request = (
            200 if of_token else self.status,
            request.url or "",
            request,
        )
        response.headers.update({"Date": "Fri, 20 Nov 2026 11:30:00 GMT", **headers})
        body = io.BytesIO(token) if of_token else self.body()
        response.raw = HTTPResponse(body, headers=headers, preload_content=False, status=response.status_code)
        return response

    def close(self) -> None:
        """Nothing to give back."""


def fuzz(count: int, seed: int = 20260914) -> Outcome:
    """Send so many bodies and return what became of them."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="data-pipeline-truth-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder, "postgres"), durable=False)
        server.start()
        try:
            migrate(server.url())
            with closing(connect(server.url(role="loader"))) as connection:
                return _Fuzzer(connection, Path(folder), chance).run(count)
        finally:
            server.destroy()


class _Fuzzer:
    def __init__(self, connection: Connection, folder: Path, chance: Chance) -> None:
        self.connection = connection
        self.chance = chance
        self.market = SyntheticMarket()
        self.truth = self.market.daily_bars(CODE, FIRST, LAST)
        self.transport = Transport()
        self.seconds = 1000.0
        store = FileStore(folder / "state", clock=lambda: self.seconds, sleep=self._sleep, boot_id="truth")
        settings = KisSettings(
            "key", "secret", base_url="https://127.0.0.1:9", rate_limit=1000.0, breaker_threshold=10**9
        )
        self.source = KISDataSource(
            settings, store, self.transport, clock=self._now, sleep=self._sleep, wall=lambda: self._now().timestamp()
        )
        self.outcome = Outcome()

    def run(self, count: int) -> Outcome:
        keep_list(self.connection, [self.market.instrument(CODE, LAST)], self.source.name, complete=False)
        self.connection.commit()
        self._send("clean", reply_of([chart_row(bar) for bar in self.truth[::-1]]), 0)
        kinds = [*BODIES, *ROWS]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(count):
            kind = kinds[number % len(kinds)]
            if kind in HEAVY and number >= len(kinds) * 20:
                kind = "truncated"  # each of these costs a second; twenty of a kind say it all
            if kind in BODIES:
                self._send(kind, BODIES[kind](self.chance, self._clean()), 0)
            else:
                rows, bad = spoilt(kind, self.truth, self.chance)
                self._send(kind, reply_of(rows), bad)
        self.outcome.peak_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
        self.outcome.quarantined = self._one("SELECT coalesce(sum(times), 0) FROM market.rejected_row")
        self.outcome.bad_rows_loaded = self._bad_rows()
        self.outcome.bodies = count
        return self.outcome

    def _send(self, kind: str, answer: Reply, bad: int) -> None:
        self.transport.body, self.transport.headers, self.transport.status = answer
        self.seconds += 1.0
        before = self._one("SELECT coalesce(sum(times), 0) FROM market.rejected_row") if bad else 0
        try:
            load_window(self.connection, self.source, DATASETS["daily_bar"], Window((CODE,), FIRST, LAST), Run())
        except DataPipelineError as error:
            self.outcome.refused[type(error).__name__] += 1
        except Exception as error:  # noqa: BLE001 - it is what this looks for
            self.outcome.untyped[f"{kind}: {type(error).__name__}"] += 1
            self.connection.rollback()
        if bad:
            kept = self._one("SELECT coalesce(sum(times), 0) FROM market.rejected_row") - before
            self.outcome.bad_rows += bad
            if kept < bad:
                self.outcome.lost_rows[kind] += bad - kept

    def _bad_rows(self) -> int:
        true = {(bar.session, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trading_value, bar.change)
                for bar in self.truth}  # fmt: skip
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT session, open, high, low, close, volume, trading_value, change FROM market.daily_bar"
            )
            wrong = sum(row not in true for row in cursor.fetchall())
        return wrong + self._one("SELECT count(*) FROM market.restatement")

    def _one(self, query: str) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(query)
            (value,) = cursor.fetchone() or (0,)
        self.connection.commit()
        return int(value)

    def _clean(self) -> bytes:
        return chart([chart_row(bar) for bar in self.truth[::-1]])

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def _now(self) -> datetime:
        return SyntheticMarket.REFERENCE_NOW + timedelta(seconds=self.seconds - 1000)
