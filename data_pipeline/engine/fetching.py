"""Fetches units of work in several threads, as far ahead of the caller as there is room."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from math import ceil
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any, TypeVar

from data_pipeline.exceptions import (
    AuthenticationError,
    CalendarRangeError,
    ConfigurationError,
    IncompleteDataError,
    PayloadError,
    PermanentError,
    RequestRefusedError,
    SyntheticDataRefusedError,
    UnknownStockError,
)
from data_pipeline.settings import SETTINGS, value

BEAT_S = 5.0
"""Seconds between two calls of ``beat`` while nothing comes."""
_NAME = "FETCH_THREADS"
THREADS, CALLS = 8, 15.0
"""Threads of one task unless more are needed, and the calls a second that one is good for: an answer of 40 ms on the
average, and what comes of it, take it 63 ms; docs/decisions/ten-keys.md has the figures."""
CODE_ERRORS = (UnknownStockError, PayloadError, IncompleteDataError, RequestRefusedError)
"""Errors of one code that say nothing about the others."""

CONCERNS_ALL = (AuthenticationError, CalendarRangeError, ConfigurationError, SyntheticDataRefusedError)
"""Permanent errors that affect the whole run: all further work would meet them too."""


UnitT = TypeVar("UnitT")
T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 - it is no error: the rest is not wanted any more
    """The work was given up while this unit was being fetched."""


def fetch_threads(environ: Mapping[str, str], calls_a_second: float | None, given: object = None) -> int:
    """Return how many threads of one task ask the source at once: given, ``FETCH_THREADS``, or what a budget needs.

    That is one for each 15 calls a second, and 8 at least. More would only wait, and 64 are the most there may be.

    Args:
        environ: What ``FETCH_THREADS`` is looked for in.
        calls_a_second: The budget of all app keys of the source; None for one that has none.
        given: A number, or text of one, that goes before the variable; nothing when it is empty.

    Raises:
        ConfigurationError: What is given, or the variable, is not a whole number from 1 to 64.
    """
    asked = value({_NAME: str(given)} if given else environ, _NAME)
    if asked is not None:
        return int(asked)
    return max(THREADS, min(int(SETTINGS[_NAME].most or THREADS), ceil((calls_a_second or 0.0) / CALLS)))


def fetched(
    units: Iterable[UnitT],
    fetch: Callable[[UnitT, Event], T],
    threads: int,
    full: Callable[[], bool],
    beat: Callable[[], None] = lambda: None,
) -> Generator[tuple[UnitT, T], None, None]:
    """Yield each unit with what it brought, in the order in which they finish.

    Threads go on while the caller works on what was yielded, but no further unit is taken while ``full()`` is true, so
    neither memory nor what a sudden end loses grows with the work. When the iteration ends, for whatever reason, every
    thread has ended too; units that are being fetched are given up at their next page.

    Args:
        units: Taken one by one in the caller's own thread, as room becomes free.
        fetch: Runs in a thread; it passes the event to :func:`until`.
        threads: Units asked for at once.
        full: Whether the next unit has to wait; asked after each unit, and never when none is being fetched.
        beat: Called in the caller's own thread every few seconds while it waits, and after each unit.

    Raises:
        Exception: The first one that ``fetch`` raised; nothing is yielded afterwards.
    """
    stop = Event()
    pool = ThreadPoolExecutor(threads, "fetch")
    ahead: dict[Future[T], UnitT] = {}
    over: SimpleQueue[Future[T]] = SimpleQueue()  # waiting for all of them would look at each of hundreds, each time
    try:
        for unit in units:
            future = pool.submit(fetch, unit, stop)
            ahead[future] = unit
            future.add_done_callback(over.put)
            while ahead and full():
                yield from _finished(ahead, over, beat)
        while ahead:
            yield from _finished(ahead, over, beat)
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def until(stop: Event, records: Iterable[T]) -> Iterator[T]:
    """Yield the records as long as they are wanted.

    Raises:
        Stopped: They are no longer; nothing more is asked of the source.
    """
    for record in records:
        if stop.is_set():
            raise Stopped
        yield record


def fetch_codes(
    codes: tuple[str, ...], fetch: Callable[[tuple[str, ...]], list[Any]], *, divisible: bool
) -> tuple[list[Any], dict[str, PermanentError]]:
    """Return the records of the codes, and the error of each code that cannot be fetched.

    A code that its error names is left out, and the others are asked for again. When the error names none, the codes
    are asked for in halves until the bad one stands alone, which costs about ten requests among thirty codes.

    Args:
        codes: Not empty when ``divisible``.
        fetch: Asks for some of them.
        divisible: Whether asking for fewer codes costs less; when it does not, an error that names no code is one of
            all of them.

    Raises:
        DataPipelineError: An error that is not about single codes, or one that names none when they are not divisible.
    """
    try:
        return fetch(codes), {}
    except CODE_ERRORS as error:
        named = getattr(error, "stock_code", None)
        if len(codes) == 1 and (divisible or named in codes):
            return [], {codes[0]: error}
        if named in codes:
            rest, failed = fetch_codes(tuple(code for code in codes if code != named), fetch, divisible=divisible)
            return rest, {named: error, **failed}
        if not divisible:
            raise
    middle = len(codes) // 2
    left, left_failed = fetch_codes(codes[:middle], fetch, divisible=True)
    right, right_failed = fetch_codes(codes[middle:], fetch, divisible=True)
    return left + right, {**left_failed, **right_failed}


def _finished(
    ahead: dict[Future[T], UnitT], over: SimpleQueue[Future[T]], beat: Callable[[], None]
) -> Iterator[tuple[UnitT, T]]:
    beat()
    while not (done := _over(over, BEAT_S)):
        beat()
    # Errors come last: what was fetched beside one has cost its calls, and is taken first.
    for future in sorted(done, key=lambda one: one.exception() is not None):
        unit = ahead.pop(future)
        yield unit, future.result()


def _over(over: SimpleQueue[Future[T]], seconds: float) -> list[Future[T]]:
    """Return what is over, waiting so long for the first of it; empty when nothing is."""
    found = []
    with suppress(Empty):
        found.append(over.get(timeout=seconds))
        while True:
            found.append(over.get_nowait())
    return found
