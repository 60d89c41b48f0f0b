"""Hostile seeds' world: six instruments, an emulator in this process, a Postgres, and clocks that waiting moves."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from benchmarks._truth_hostile_server import empty_warehouse
from data_pipeline.coordination.file import FileStore
from data_pipeline.datasets import DATASETS
from data_pipeline.emulator.app import create_app
from data_pipeline.emulator.clock import MarketClock
from data_pipeline.emulator.krx.wire import API_KEY
from data_pipeline.emulator.process import APP_KEY, APP_SECRET
from data_pipeline.emulator.settings import EmulatorSettings
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.loading.coverage.cells import missing_cells
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from data_pipeline.sources.mock.issue import Issue
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.warehouse.calendar_table import keep_sessions

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

ORDINARY, SPLIT, YOUNG, HALTED, FUND, KONEX = "005930", "291900", "0005H0", "0010K0", "003370", "004560"
Row = tuple[Any, ...]
CODES = (ORDINARY, SPLIT, YOUNG, HALTED, FUND, KONEX)
DAILY, MINUTES = (ORDINARY, SPLIT, YOUNG, HALTED, KONEX), (ORDINARY, HALTED)
FIRST = date(2026, 6, 15)
WEDNESDAY, THURSDAY, FRIDAY = date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20)
"""From the first to Thursday there are 108 sessions: one page of KIS's chart and eight rows."""
THAT_EVENING, NEXT_EVENING = (datetime(2026, 11, day, 20, 30, tzinfo=SEOUL) for day in (19, 20))
MONDAY = datetime(2026, 11, 23, 8, 30, tzinfo=SEOUL)
UNCONTRADICTABLE = ("other_code", "wrong_action")
"""Lies that the rest of what is known then cannot contradict; docs/explanation/proof.md says why."""
_EMPTIED = (
    "daily_bar", "minute_bar", "loaded_day", "no_data", "coverage_start", "rejected_row", "restatement",
    "reconciliation", "price_adjustment", "ingest_run",
)  # fmt: skip


@dataclass(frozen=True)
class Lie:
    """One answer that was not the truth."""

    name: str
    path: str
    codes: tuple[str, ...]
    """About which; of no code when it is about a market."""

    @property
    def is_free(self) -> bool:
        """Whether nothing that is known when it is told can contradict it."""
        return self.name in UNCONTRADICTABLE

    @property
    def is_alone(self) -> bool:
        """Whether it is about one row, which only the bars on both sides of it contradict."""
        return self.name in ("other_code_row", "other_day_figures")

    @property
    def is_old(self) -> bool:
        """Whether it shows figures of the session before without their date: quotes, a board, or one row of a board."""
        of_a_board = self.name == "other_day_figures" and "bydd_trd" in self.path
        return of_a_board or (self.name in ("stale", "late") and "multprice" in self.path) or self.name == "stale_board"


class SmallMarket(SyntheticMarket):
    """Six instruments of the synthetic market: ordinary, split, newly listed, halted, a thin fund, and one of KONEX."""

    @cached_property
    def _issues(self) -> dict[str, Issue]:
        return {code: issue for code, issue in SyntheticMarket()._issues.items() if code in CODES}  # noqa: SLF001


class InProcess(BaseAdapter):
    """Carries requests to the emulator in this process, one at a time, over no socket."""

    def __init__(self, app: Any) -> None:
        super().__init__()
        self._app, self._loop, self._lock = app, asyncio.new_event_loop(), threading.Lock()
        self.last_body = b""
        """Of the newest answer."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return the emulator's answer."""
        parts = urlsplit(str(request.url))
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        scope = {
            "type": "http", "method": request.method, "path": parts.path, "query_string": parts.query.encode(),
            "headers": [(name.lower().encode(), str(value).encode()) for name, value in request.headers.items()],
        }  # fmt: skip
        sent: list[Mapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(message)

        with self._lock:
            self._loop.run_until_complete(self._app(scope, receive, send))
        response = requests.Response()
        response.status_code, response.url, response.request = sent[0]["status"], str(request.url), request
        response.headers.update({name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]})
        self.last_body = sent[1]["body"]
        response.raw = io.BytesIO(self.last_body)
        return response

    def close(self) -> None:
        """Nothing to give back between two sources."""

    def end(self) -> None:
        """Give back what the emulator ran on; nothing is sent afterwards."""
        self._loop.close()


class World:
    """One emulator, one warehouse, and clocks that only waiting and :meth:`at` move."""

    def __init__(self, connection: Connection, folder: Path, market: SyntheticMarket | None = None) -> None:
        self.connection = connection
        self.seconds = 1000.0
        self.clock = MarketClock(THAT_EVENING, frozen=True, wall=lambda: THAT_EVENING)
        settings = EmulatorSettings(rate=100_000, issue_seconds=0.0)
        app = create_app(
            market or SmallMarket(), settings, self.clock, monotonic=lambda: self.seconds, wall=lambda: self.seconds
        )
        self.server = app.server
        self._adapter = InProcess(app)
        self._store = FileStore(folder / "state", clock=lambda: self.seconds, sleep=self._sleep, boot_id="hostile")

    def close(self) -> None:
        """End the emulator; the connection stays the caller's."""
        self._adapter.end()

    def kis(self) -> KISDataSource:
        """Return a source over KIS's wire."""
        settings = KisSettings(
            APP_KEY, APP_SECRET, base_url="https://127.0.0.1:9", rate_limit=1000.0, breaker_threshold=10**9
        )
        return KISDataSource(
            settings, self._store, self._adapter, clock=self.clock.now, sleep=self._sleep, wall=lambda: self.seconds
        )

    def krx(self) -> KRXDataSource:
        """Return a source over KRX's wire."""
        settings = KrxSettings(API_KEY, base_url="https://127.0.0.1:8", daily_limit=999_999_999)
        return KRXDataSource(settings, self._store, self._adapter, clock=self.clock.now, sleep=self._sleep)

    @property
    def last_body(self) -> bytes:
        """What the emulator answered last."""
        return self._adapter.last_body

    def at(self, moment: datetime) -> None:
        """Move the market's clock; quotas and breakers have long recovered by then."""
        self.clock.set(moment, frozen=True)
        self.seconds += 100_000.0

    def lie(self, seed: int | None) -> None:
        """Let the server lie by this seed; None for the truth."""
        self.server.faults.replace([] if seed is None else [{"kind": "hostile", "seed": seed}])
        self.server.log.clear()

    def lies(self) -> list[Lie]:
        """Return each lie told since."""
        entries = self.server.log.entries(limit=100_000)
        told = ((one["fault"].removeprefix("hostile "), one["path"], one["stock_codes"].split(",")) for one in entries)
        return [Lie(name, path, tuple(codes)) for name, path, codes in told if name not in ("", "hostile")]

    def empty(self) -> None:
        """Leave the warehouse with its lists alone."""
        with self.connection, self.connection.cursor() as cursor:
            for table in _EMPTIED:
                cursor.execute(f"DELETE FROM market.{table}")

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds


@contextmanager
def warehouse() -> Iterator[World]:
    """Hand over a world that has its lists, on a Postgres of its own, which is deleted afterwards."""
    with empty_warehouse() as (connection, folder):
        yield prepared(World(connection, folder))


def prepared(world: World) -> World:
    """Return the world with the lists of the first and the last session loaded."""
    world.at(MONDAY)
    keep_sessions(world.connection)
    world.connection.commit()
    with world.krx() as source:
        for session in (FIRST, THURSDAY, FRIDAY):
            window = Window((), session, session)
            load_window(world.connection, source, DATASETS["instrument"], window, Run(moment=MONDAY), threads=1)
    return world


@dataclass(frozen=True)
class State:
    """What the warehouse holds after a work."""

    rows: dict[Row, Row]
    """By dataset, code and session or minute."""
    sources: dict[Row, str]
    settled: dict[Row, str]
    """Cells of minutes, and what is said of them: whole or empty."""
    missing: set[Row]
    """Cells that coverage counts as missing."""
    failed: list[Row]
    """Dataset, first and last session of each run that failed."""
    held: set[Row]
    """Cells with a row in quarantine; the code is None where it is unknown."""

    @property
    def cells(self) -> set[Row]:
        """The cells that have rows."""
        return {cell_of(key) for key in self.rows}


def state_of(world: World) -> State:
    rows: dict[Row, Row] = {}
    sources: dict[Row, str] = {}
    connection = world.connection
    for dataset, at in (("daily_bar", "session"), ("minute_bar", "at")):
        figures = "open, high, low, close, volume, trading_value" + (", change" if at == "session" else "")
        for code, moment, source, *values in asked(
            connection, f"SELECT stock_code::text, {at}, source::text, {figures} FROM market.{dataset}"
        ):
            key = (dataset, code, moment)
            if key in rows:
                raise RuntimeError(f"a row stands twice: {key}")
            rows[key], sources[key] = tuple(values), source
    whole = asked(connection, "SELECT dataset, stock_code::text, session FROM market.loaded_day")
    empty = asked(connection, "SELECT dataset, stock_code::text, session FROM market.no_data")
    held = asked(connection, "SELECT dataset, stock_code::text, session FROM market.rejected_row")
    missing = {
        (dataset, code, session)
        for dataset in ("daily_bar", "minute_bar")
        for code, gaps in missing_cells(connection, dataset, None, FIRST, FRIDAY).items()
        for first, last in gaps
        for session in world.server.view.calendar.sessions(first, last)
    }
    connection.rollback()
    settled = {tuple(cell): "whole" for cell in whole} | {tuple(cell): "empty" for cell in empty}
    failed = asked(connection, "SELECT dataset, first, last FROM market.ingest_run WHERE status = 'failed'")
    return State(rows, sources, settled, missing, failed, {tuple(cell) for cell in held})


def asked(connection: Connection, query: str, values: Sequence[Any] = ()) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def cell_of(key: Row) -> Row:
    dataset, code, at = key
    return (dataset, code, at.astimezone(SEOUL).date() if isinstance(at, datetime) else at)
