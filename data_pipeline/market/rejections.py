"""Rows that are set aside on the way: parsers hand them over here and go on, where somebody collects them.

Without a collector nothing is set aside and the first bad row raises, so interactive callers never miss one silently.
The collector is a context variable: a source that parses in threads of its own runs them in ``copy_context()``.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from data_pipeline.exceptions import PayloadError, PermanentError

log = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Rejection:
    """One row that cannot become a record or may not be loaded."""

    payload: Mapping[str, Any]
    """The row as it came, or the values of the record."""
    reason: str
    """What is wrong with it, in one sentence."""
    stock_code: str | None = None
    session: date | None = None
    origin: str = "record"
    """``record``, or the vendor's call whose row the payload is."""


@dataclass
class Rejections:
    """What one window set aside; safe among threads."""

    rows: list[Rejection] = field(default_factory=list)
    at_fault: list[Rejection] = field(default_factory=list)
    """Rows for which whole codes were left out; they do not count against the window."""
    left_out: list[Rejection] = field(default_factory=list)
    """What nobody has to have and cannot be believed, an index of many; it does not count against the window."""
    unknown_fields: Counter[str] = field(default_factory=Counter)
    """``call.field`` and in how many answers it came."""
    contradicted: set[tuple[str, date]] = field(default_factory=set)
    """Stored bars, by code and session, that are all that contradicts a refused one: either may be the wrong one."""
    unjoined: set[tuple[str, date]] = field(default_factory=set)
    """Bars beside a base price that moved, by code and session, loaded or stored: they may have to be told twice."""

    def add(self, other: Rejections) -> None:
        """Take over what another part of the window set aside."""
        self.rows += other.rows
        self.left_out += other.left_out
        self.unknown_fields.update(other.unknown_fields)


_CURRENT: ContextVar[Rejections | None] = ContextVar("rejections", default=None)


@contextmanager
def collecting() -> Iterator[Rejections]:
    """Collect what parsers of this context set aside until the block ends."""
    held = Rejections()
    token = _CURRENT.set(held)
    try:
        yield held
    finally:
        _CURRENT.reset(token)


def reject(error: PayloadError, stock_code: str | None = None, session: date | None = None) -> None:
    """Set the row of an error aside.

    Raises:
        PayloadError: The error itself: nobody collects, or it is about a whole answer and not about one row.
    """
    held = _CURRENT.get()
    if held is None or error.payload is None:
        raise error
    held.rows.append(Rejection(error.payload, str(error), stock_code, session, error.origin))


def leave_out(error: PermanentError, sessions: Iterable[date], payload: Mapping[str, Any], origin: str) -> None:
    """Leave out what an answer is about, on these sessions, because the answer cannot be believed.

    Args:
        error: What is wrong with it.
        sessions: Which trading days are missing now.
        payload: What came, as far as it is known.
        origin: The vendor's call.

    Raises:
        PermanentError: The error itself: nobody collects.
    """
    held = _CURRENT.get()
    if held is None:
        raise error
    held.left_out += [Rejection(payload, str(error), None, session, origin) for session in sessions]


def set_aside(rejections: Iterable[Rejection]) -> None:
    """Hand over rows that were set aside before, when the answer that they are of was kept and is used again.

    Raises:
        PayloadError: There is one, and nobody collects.
    """
    for one in rejections:
        error = PayloadError(one.reason)
        error.payload, error.origin = one.payload, one.origin
        reject(error, one.stock_code, one.session)


def keep_good(
    make: Callable[[Item], Result],
    items: Iterable[Item],
    stock_code: Callable[[Item], str | None] = lambda _: None,
    session: Callable[[Item], date | None] = lambda _: None,
) -> Iterator[Result]:
    """Yield what ``make`` makes of each item, and set aside those of which it makes a :class:`PayloadError`.

    Args:
        make: Makes one item into a record.
        items: Read as they are needed.
        stock_code: Whose row an item is, for the quarantine; None when unknown.
        session: Of which trading day it is; None when unknown.

    Raises:
        PayloadError: See :func:`reject`.
    """
    for item in items:
        made = _made_or_error(make, item)
        if isinstance(made, PayloadError):
            reject(made, stock_code(item), session(item))
        else:
            yield made


def _made_or_error(make: Callable[[Item], Result], item: Item) -> Result | PayloadError:
    try:
        return make(item)
    except PayloadError as error:
        return error


class FieldDrift:
    """Notices fields of a vendor's answers that its documents do not have; safe among threads.

    Args:
        known: The documented fields of each call; a call that is not named here is not watched.
    """

    def __init__(self, known: Mapping[str, frozenset[str]]) -> None:
        self._known = known
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        """``call.field`` and in how many answers it came."""

    def note(self, call: str, fields: Iterable[str]) -> None:
        """Count the undocumented ones among the fields of one answer; each is logged the first time only."""
        known = self._known.get(call)
        if known is None:
            return
        new = [f"{call}.{name[:60]}" for name in fields if name not in known]
        if not new:
            return
        with self._lock:
            first = [name for name in new if name not in self._told]
            self._told.update(new)
            self.counts.update(new)
            held = _CURRENT.get()
            if held is not None:
                held.unknown_fields.update(new)
        if first:
            log.warning("new fields, not in the documents and not used: %s", ", ".join(first[:20]))
