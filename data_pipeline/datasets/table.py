"""What a table is: which record fills it, its columns and key, and how a record becomes a line of COPY text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

from data_pipeline.exceptions import InvalidRequestError

CANDLE_COLUMNS = ("open", "high", "low", "close", "volume", "trading_value")
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


@dataclass(frozen=True)
class Table:
    """A table of the schema ``market`` that records are loaded into."""

    name: str
    record: type
    columns: tuple[str, ...]
    """What a record says, the key first. ``source``, ``run_id`` and ``loaded_at`` are the load's."""
    key: tuple[str, ...]
    values: Callable[[Any], tuple[object, ...]]
    """A record's values in the order of ``columns``."""
    day: str
    """The column with the date in Seoul that the row belongs to."""
    partitioned: bool = False
    """Whether it has one partition for each month of ``session``."""
    sealed: bool = False
    """Whether what each session holds is sealed and verified."""
    unwritten: tuple[tuple[str, str], ...] = ()
    """Columns and the value with which each is left out of a row's digest: it came after rows had been sealed."""
    plain: Callable[[Any], str] | None = None
    """A record as a line of COPY text, where no value can be None, a list or text to escape: twice as fast."""
    columnar: bool = False
    """Whether each column is an attribute of the record: a stock code, a date, and else whole numbers."""

    def text(self, records: Sequence[object]) -> str:
        """Return records as COPY text, one line each, with its newline.

        Raises:
            InvalidRequestError: A record is of another class, or one of its values is.

        Source: PostgreSQL documentation, COPY, "Text Format".
        """
        for kind in set(map(type, records)):
            if kind is not self.record:
                raise InvalidRequestError(f"{self.name} takes {self.record.__name__}, not {kind.__name__}")
        try:
            return "".join(map(self.plain or self._line, records))
        except (TypeError, AttributeError) as error:
            wrong = next(record for record in records if not self._can_be_text(record))
            raise InvalidRequestError(f"{self.name}: {wrong} cannot be written: {error}") from None

    def line(self, record: object) -> str:
        """Return one record as COPY text; see :meth:`text`."""
        return self.text([record])

    def _line(self, record: object) -> str:
        return self._template % tuple(map(copy_field, self.values(record)))

    def _can_be_text(self, record: object) -> bool:
        try:
            (self.plain or self._line)(record)
        except (TypeError, AttributeError):
            return False
        return True

    @cached_property
    def _template(self) -> str:
        return "\t".join(["%s"] * len(self.columns)) + "\n"

    def day_of(self, record: object) -> date:
        """Return the date in Seoul that the record belongs to."""
        day: date = self.values(record)[self.columns.index(self.day)]  # type: ignore[assignment]
        return day

    def key_of(self, record: object) -> tuple[object, ...]:
        """Return the values of the key, in the order of ``key``."""
        return self.values(record)[: len(self.key)]

    def in_session(self, session: date) -> Table:
        """Return the same table, every row of which belongs to this session whatever its own time says.

        A quote seen before the market opens belongs to the session before.

        Raises:
            InvalidRequestError: The rows of this table carry their session themselves.
        """
        if "observed_at" not in self.key:
            raise InvalidRequestError(f"rows of {self.name} say themselves which session they belong to")
        at = self.columns.index("session")
        own = self.values
        return replace(self, values=lambda record: (*own(record)[:at], session, *own(record)[at + 1 :]))


def copy_field(value: object) -> str:
    r"""Return one value as COPY text: ``\N`` for None, ``{1,2}`` for a list of numbers."""
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.translate(ESCAPES)
    if isinstance(value, list):
        return "{" + ",".join(map(str, value)) + "}"
    return str(value)


class _DateTexts(dict[date, str]):
    """Dates as text: a load has many rows and few dates. Emptied now and then, so that it stays small."""

    def __missing__(self, day: date) -> str:
        if len(self) > 10_000:
            self.clear()
        text = self[day] = str(day)
        return text


DATE_TEXTS = _DateTexts()
"""Dates as COPY text."""
MINUTE_TEXTS = tuple(f"{hour:02d}:{minute:02d}:00+09:00" for hour in range(24) for minute in range(60))
"""The minutes of a day in Seoul as COPY text, without the date."""
