"""`data-pipeline stream`: the live service, from the settings to its end; with `--demo` on the synthetic market."""

from __future__ import annotations

import argparse
import logging
import os
import platform
import re
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from data_pipeline.coordination.opening import open_store
from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.exceptions import CalendarRangeError, TransientError, UnsupportedDatasetError
from data_pipeline.local.environment import SANDBOX_RATE
from data_pipeline.local.fitting_clock import require_fitting_clock
from data_pipeline.local.home import Home
from data_pipeline.local.keyless import sandbox_variables, source_variables
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.output import console, write_json
from data_pipeline.market.clock import anchored, market_clock, real_now
from data_pipeline.market.origin import AUTO
from data_pipeline.market.stream_batch import Batch, Sink
from data_pipeline.market.stream_records import Heartbeat, Subscription, Trade
from data_pipeline.market.stream_wishes import stream_kinds, stream_venues, wishes
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.watch_list import watch_list
from data_pipeline.settings.chosen import chosen_source
from data_pipeline.sources.kis.live import live_keys
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.stream.service import Service
from data_pipeline.warehouse.connect import connect

DEMO_S = 25.0
STATEMENT_S = 120.0
_OURS = ("KIS_", "KRX_", "DATA_SOURCE_TYPE", "MARKET_DB_URL", "MARKET_READER_URL", "COORDINATION_URL", "CACHE_URL")
"""How the variables begin that a demonstration does without."""


def stream(options: argparse.Namespace, home: Home, environ: Mapping[str, str]) -> int:
    """Write what the live stream brings until the process is told to stop; returns 0.

    Raises:
        DataPipelineError: A setting or an option is wrong, or no line can be opened any more.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("data_pipeline").setLevel(logging.INFO)
    if not options.demo:
        return _stream(options, home, environ)
    with tempfile.TemporaryDirectory(prefix="stream-demo-") as folder:
        Path(folder).chmod(0o711)  # for the account of an embedded server that root starts
        return _stream(options, Home(Path(folder)), _demonstration(environ, folder))


def _stream(options: argparse.Namespace, home: Home, environ: Mapping[str, str]) -> int:
    wanted = _wanted(options, environ)
    require_fitting_clock(environ)
    if (chosen := chosen_source(environ)) not in {"", "kis"}:
        raise UnsupportedDatasetError(f"{chosen} has no live stream: set KIS_APP_KEY and KIS_APP_SECRET, or use --demo")
    began = time.monotonic()
    with _source(home, environ, made_up=options.demo) as variables, open_warehouse(home, environ) as warehouse:
        settings = KisSettings.from_env(variables)
        clock = market_clock(environ)

        def opened() -> Sink:
            url = warehouse.loader_url
            connection = connect(url, application_name="data-pipeline stream", statement_timeout=STATEMENT_S)
            return StreamLoad(connection, settings.source_name, clock)

        with closing(_Counted(opened)) as sink:
            service = _service(settings, wanted, sink, clock, environ, resume=options.resume)
            seconds = options.seconds or (DEMO_S if options.demo else None)
            with _stopped_by_signals(service.stop), _stopped_after(seconds, service.stop):
                service.run()
            if seconds:
                out = console(stderr=options.json)
                out.print(sink.newest())
                out.print(sink.told(time.monotonic() - began), soft_wrap=True)
                if options.json:
                    write_json(sink.numbers(time.monotonic() - began))
    return 0


def in_session(clock: Callable[[], datetime]) -> bool:
    """Return whether the exchange is in its regular session; False where the calendar does not know."""
    now = clock()
    with suppress(CalendarRangeError):
        day, calendar = now.date(), krx_calendar()
        return calendar.is_session(day) and calendar.open_at(day) <= now < calendar.close_at(day)
    return False


class Reopened:
    """A sink that is opened anew after the warehouse was away, for a connection that broke does not come back.

    Args:
        opened: Opens one; it raises :class:`~data_pipeline.exceptions.TransientError` while the warehouse is away.
    """

    def __init__(self, opened: Callable[[], Sink]) -> None:
        self._opened = opened
        self._sink: Sink | None = None

    def last_trades(self, session: date) -> list[Trade]:
        """Return the newest stored trades; see :class:`~data_pipeline.market.stream_batch.Sink`, as for all others."""
        return list(self._do(lambda sink: sink.last_trades(session)))

    def store(self, batch: Batch) -> None:
        """Write a batch."""
        self._do(lambda sink: sink.store(batch))

    def beat(self, beat: Heartbeat) -> None:
        """Write a heartbeat."""
        self._do(lambda sink: sink.beat(beat))

    def close(self) -> None:
        """Close the sink that is open."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close()

    def _do(self, step: Callable[[Sink], Any]) -> Any:
        if self._sink is None:
            self._sink = self._opened()
        try:
            return step(self._sink)
        except TransientError:
            self.close()
            raise


class _Counted(Reopened):
    """Counts what it writes, for the end of a demonstration."""

    def __init__(self, opened: Callable[[], Sink]) -> None:
        super().__init__(opened)
        self._numbers = dict.fromkeys(("trades", "books", "operations", "gaps", "refused"), 0)
        self._codes: set[str] = set()
        self._lag = 0.0
        self._newest: dict[str, Trade] = {}

    def store(self, batch: Batch) -> None:
        super().store(batch)
        for name in self._numbers:
            self._numbers[name] += len(getattr(batch, name))
        self._newest.update((one.stock_code, one) for one in batch.trades)
        self._codes |= {one.stock_code for one in batch.trades} | {one.stock_code for one in batch.books}

    def beat(self, beat: Heartbeat) -> None:
        super().beat(beat)
        self._lag = max(self._lag, beat.lag or 0.0)

    def newest(self) -> Table:
        """Return the last trade of a few codes."""
        table = Table(title="the last trades")
        for column in ("code", "time", "price", "shares", "side", "shares so far"):
            table.add_column(column, justify="left" if column in {"code", "time", "side"} else "right")
        for code, one in sorted(self._newest.items())[:5]:
            side = one.side.value if one.side else ""
            numbers = f"{one.price:,}", f"{one.volume:,}", side, f"{one.cumulative_volume:,}"
            table.add_row(code, f"{one.traded_at:%H:%M:%S}", *numbers)
        return table

    def numbers(self, seconds: float) -> dict[str, object]:
        """Return what was written, for programs."""
        lag = round(self._lag * 1000)
        return {"seconds": round(seconds, 1), "codes": len(self._codes), **self._numbers, "slowest_ms": lag}

    def told(self, seconds: float) -> str:
        """Return in one line what was written."""
        counts = ", ".join(f"{number:,} {name}" for name, number in self._numbers.items())
        return f"In {seconds:.0f} s of {len(self._codes)} codes: {counts}; slowest {self._lag * 1000:.0f} ms to commit."


def _service(
    settings: KisSettings,
    wanted: Sequence[Subscription],
    sink: Sink,
    clock: Callable[[], datetime],
    environ: Mapping[str, str],
    *,
    resume: bool,
) -> Service:
    store = open_store(settings.coordination_url, environ)
    keys = live_keys(settings, store, clock)
    for one in wanted:
        keys[0].require_offered(one)
    host = f"{platform.node()}:{os.getpid()}"
    return Service(keys, wanted, sink, store, clock, lambda: in_session(clock), host, resume=resume)


def _wanted(options: argparse.Namespace, environ: Mapping[str, str]) -> tuple[Subscription, ...]:
    codes = [code for code in re.split(r"[,\s]+", options.codes) if code] if options.codes else watch_list(environ)
    return wishes(codes, stream_kinds(environ, options.kinds), stream_venues(environ, options.venues))


def _demonstration(environ: Mapping[str, str], folder: str) -> dict[str, str]:
    """Move this process to ten o'clock of the last session, without keys and with everything in a folder of its own."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]
    session = krx_calendar().last_final_session(real_now())
    os.environ.update(MARKET_CLOCK=f"{session}T10:00", COORDINATION_URL=f"file://{folder}/shared")
    os.environ.update(anchored(os.environ))
    kept = {name: text for name, text in environ.items() if not name.startswith(_OURS)}
    return kept | {name: os.environ[name] for name in ("MARKET_CLOCK", "COORDINATION_URL")}


@contextmanager
def _source(home: Home, environ: Mapping[str, str], *, made_up: bool) -> Iterator[dict[str, str]]:
    """Yield the variables of the source; a demonstration reads no ``.env``, in which there may be keys."""
    if not made_up:
        with source_variables(home, AUTO, sends=True) as variables:
            yield variables
        return
    with EmulatorProcess(rate=SANDBOX_RATE) as emulator:
        yield sandbox_variables(environ, emulator.url)


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Stop in good order on SIGTERM and Ctrl-C while the block lasts."""
    before = {one: signal.signal(one, lambda *_: stop()) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def _stopped_after(seconds: float | None, stop: Callable[[], None]) -> Iterator[None]:
    timer = threading.Timer(seconds or 0.0, stop)
    if seconds:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
