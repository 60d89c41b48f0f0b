"""A backfill of daily bars that can be disturbed at a chosen moment, in this process or in one of its own."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import uvicorn

from data_pipeline.backfill.healing import healing
from data_pipeline.backfill.load import load_plan
from data_pipeline.backfill.plan import plan_backfill, plan_wish
from data_pipeline.backfill.sources import Sources
from data_pipeline.backfill.wish import Wish
from data_pipeline.client.whole_answer import WholeAnswerAdapter
from data_pipeline.coordination.opening import open_store
from data_pipeline.datasets import find_dataset
from data_pipeline.emulator.app import create_app
from data_pipeline.emulator.clock import MarketClock
from data_pipeline.emulator.process import APP_KEY, APP_SECRET
from data_pipeline.emulator.settings import EmulatorSettings
from data_pipeline.engine.many_windows import load_spans
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.progress import Step
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.local.opened import forget_gone_runs
from data_pipeline.market.state_folder import folder_of
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Span
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.warehouse.connect import PATIENCE, connect
from data_pipeline.warehouse.process import myself
from data_pipeline.warehouse.silence import Patience
from tests.support.database import Database

NOW = datetime(2026, 9, 22, 21, 40, tzinfo=SEOUL)
FIRST, LAST = date(2026, 5, 4), date(2026, 9, 22)
"""Less than a hundred sessions, so that one call brings all bars of an instrument."""
RATE = 200
WINDOW_ROWS = 200
"""Rows that are asked for and not stored: two instruments, each one call and one transaction."""


def wall() -> float:
    """Return real time as it would be on that evening, for what tokens live by; seconds since 1970."""
    return NOW.timestamp() + time.monotonic()


def die() -> None:
    """End this process as nobody can prevent."""
    os.kill(os.getpid(), signal.SIGKILL)


class Point:
    """One moment of a load: the n-th request that is about to be sent, or so many steps after that.

    Steps are answers, and the beginnings and ends of everything that the warehouse is asked to do. What is done there
    is done once, in the thread that came to the point.
    """

    def __init__(self, request: int = 0, steps: int = 0, act: Callable[[], None] = die) -> None:
        self._requests, self._steps, self._act = request, steps, act
        self._lock = threading.Lock()
        self.reached = False
        self.sent: list[float] = []
        """When each request was sent."""
        self.passed = 0
        """How many steps there were, up to the point."""

    def request(self) -> None:
        """Note that a request is about to be sent."""
        with self._lock:
            self._requests -= 1
        self.step()

    def step(self) -> None:
        """Note a step."""
        with self._lock:
            if self.reached or self._requests > 0:
                return
            self._steps -= 1
            self.passed += 1
            if self._steps >= 0:
                return
            self.reached = True
        self._act()


class Transport(WholeAnswerAdapter):
    """The network, with a point in it."""

    def __init__(self, point: Point) -> None:
        super().__init__(pool_connections=4, pool_maxsize=8, max_retries=0)
        self._point = point

    def send(self, *arguments: Any, **options: Any) -> Any:
        """Send one request."""
        self._point.request()
        if not arguments[0].path_url.endswith("tokenP"):
            self._point.sent.append(time.monotonic())
        answer = super().send(*arguments, **options)
        self._point.step()
        return answer


class Watched(Warehouse):
    """A warehouse with a point in it."""

    def __init__(self, connection: Any, point: Point) -> None:
        super().__init__(connection)
        self._point = point

    def do(self, step: Any, *arguments: Any, **options: Any) -> Any:
        """Do one thing."""
        self._point.step()
        found = super().do(step, *arguments, **options)
        self._point.step()
        return found

    def commit_run(self, run_id: int) -> None:
        """Commit a window."""
        self._point.step()
        super().commit_run(run_id)
        self._point.step()


NEVER = 10**9


@dataclass(frozen=True)
class Work:
    """A backfill out of the emulated KIS, as the command does it, with plain values so that a child can be told."""

    url: str
    """Of the warehouse."""
    kis: str
    store: str
    codes: tuple[str, ...]
    rate: float = RATE
    threads: int = 2
    queue_timeout: float = 30.0
    breaker_timeout: float = 60.0
    patience: Patience = field(default=PATIENCE)

    def source(self, point: Point, **options: Any) -> KISDataSource:
        """Return the source; ``options`` are its own."""
        settings = KisSettings(
            APP_KEY, APP_SECRET, base_url=self.kis, rate_limit=self.rate, queue_timeout=self.queue_timeout,
            coordination_url=self.store, breaker_timeout=self.breaker_timeout,
        )  # fmt: skip
        return KISDataSource(settings, adapter=Transport(point), **{"clock": lambda: NOW, "wall": wall, **options})

    def run(
        self, point: Point | None = None, *, heal: bool = False, first: date = FIRST, last: date = LAST, **options: Any
    ) -> int:
        """Do it to its end and return how many windows were loaded; any failure of a window is raised."""
        point = point or Point(NEVER)
        with self.source(point, **options) as source, closing(connect(self.url, patience=self.patience)) as connection:
            if heal:
                (wanted,) = [one for one in healing(connection, source.name, LAST) if one.dataset == "daily_bar"]
                plan = plan_backfill(connection, wanted, Sources(source), NOW, WINDOW_ROWS)
            else:
                wish = Wish("daily_bar", self.codes, first, last)
                plan = plan_wish(connection, wish, Sources(source), NOW, WINDOW_ROWS)
            windows = 0
            with closing(Watched(connection, point)) as warehouse:

                def load(source: AbstractDataSource, dataset: str, spans: Sequence[Span]) -> Iterator[Step]:
                    declared = find_dataset(dataset)
                    return load_spans(warehouse, source, declared, spans, Run(moment=NOW), self.threads, WINDOW_ROWS)

                for step in load_plan(plan, [source], load):
                    if step.error is not None:
                        raise step.error
                    windows += 1
            return windows

    def warm(self, ago: float = 0.0) -> None:
        """Let the store hold a token, asked for so many seconds ago."""
        store = open_store(self.store)
        with self.source(Point(NEVER), store=store) as source:
            list(source.daily_bars(self.codes[:1], LAST, LAST))
        if ago:
            for key in [path.stem for path in _files(self.store) if path.stem.startswith("access-token-")]:
                store.update(key, lambda shared, _: shared.update(asked_at=shared["asked_at"] - ago), lasting=True)

    def on(self, **changes: Any) -> Work:
        """Return the same with other values."""
        return replace(self, **changes)


def _files(store: str) -> list[Any]:
    return list(folder_of(store).glob("*.json"))


def most_in_a_second(times: Sequence[float]) -> int:
    """The most of these moments in any sliding second."""
    return max((sum(start <= at < start + 1.0 for at in times) for start in times), default=0)


class Kis:
    """An emulated KIS server in a thread of this process: its state is at hand, and it can be started again."""

    def __init__(self) -> None:
        self.app = self._app()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    @staticmethod
    def _app() -> Any:
        settings = EmulatorSettings(rate=RATE, issue_seconds=0.0)
        return create_app(settings=settings, clock=MarketClock(NOW, frozen=True, wall=lambda: NOW), wall=wall)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Kis:
        """Start it, on the port that it had before."""
        config = uvicorn.Config(
            self.app, "127.0.0.1", self.port, http="h11", log_level="warning", access_log=False, lifespan="off",
            date_header=False, server_header=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        """Stop it."""
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join()

    def start_anew(self) -> None:
        """Start another one at its address, that knows no token."""
        log = self.app.server.log
        self.app = self._app()
        self.app.server.log = log
        self.start()

    def count(self, **wanted: Any) -> int:
        """How many logged requests are like this."""
        return len(self.app.server.log.entries(limit=10**6, **wanted))

    def bars(self) -> int:
        """How many requests for daily bars came."""
        return self.count(path="inquire-daily-itemchartprice")

    def forget(self) -> None:
        """Empty its log."""
        self.app.server.log.clear()


ENDED = """
    UPDATE market.ingest_run SET process = regexp_replace(process, '[^ ]+$', 'before')
    WHERE status = 'running' AND process = %s
"""


def running(database: Database) -> int:
    """How many runs say that they are under way, once somebody has looked: `run`, `up`, `coverage` or a load.

    What this process began counts as of one that is gone: a task that failed has ended.
    """
    with database.connect("owner") as connection, connection, connection.cursor() as cursor:
        cursor.execute(ENDED, (myself(),))
    forget_gone_runs(database.url())
    ((number,),) = database.rows("SELECT count(*) FROM market.ingest_run WHERE status = 'running'")
    return int(number)
