"""Checks of a window that needs no context: whether its records were asked for, and whether all came. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Any, TypeVar

from data_pipeline.datasets.table import Table
from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError, PayloadError

Record = TypeVar("Record")


def check_window(
    records: Iterable[Record],
    table: Table,
    stock_codes: Collection[str] | None = None,
    first: date | None = None,
    last: date | None = None,
    seen: set[str] | None = None,
) -> Iterator[Record]:
    """Yield the records as they come, and raise at the first one that was not asked for.

    Args:
        records: Of the table's class.
        table: Knows which value of a record is its date.
        stock_codes: The codes asked for; None allows any.
        first: First date asked for, included; None allows any.
        last: Last date asked for, included; None allows any.
        seen: Takes the codes that came, for ``require_codes``.

    Raises:
        PayloadError: A record has a code or a date that was not asked for. Trying again brings the same.
        InvalidRequestError: ``first`` is after ``last``.
    """
    if first is not None and last is not None and first > last:
        raise InvalidRequestError(f"first {first} is after last {last}")
    wanted = None if stock_codes is None else frozenset(stock_codes)
    for record in records:
        _check_code(record, table, wanted)
        _check_day(record, table, first, last)
        if seen is not None:
            seen.add(_code(record))
        yield record


def missing_codes(seen: Collection[str], stock_codes: Iterable[str]) -> list[str]:
    """Return the codes that were asked for and did not come, in the order in which they were asked for."""
    came = frozenset(seen)
    return [code for code in stock_codes if code not in came]


def require_codes(seen: Collection[str], stock_codes: Iterable[str], table: Table) -> None:
    """Require that every code came.

    Raises:
        IncompleteDataError: Some did not come; the message counts them and names the first ten.
    """
    if missing := missing_codes(seen, stock_codes):
        more = ", ..." if len(missing) > 10 else ""
        raise IncompleteDataError(f"{table.name}: {len(missing)} codes did not come: {', '.join(missing[:10])}{more}")


def _code(record: Any) -> str:
    return str(getattr(record, "stock_code", ""))


def _check_code(record: object, table: Table, wanted: frozenset[str] | None) -> None:
    if wanted is not None and _code(record) not in wanted:
        raise PayloadError(f"{table.name}: {_code(record)} was not asked for but came")


def _check_day(record: object, table: Table, first: date | None, last: date | None) -> None:
    day = table.day_of(record)
    if (first is not None and day < first) or (last is not None and day > last):
        raise PayloadError(f"{table.name}: {_code(record)} came with {day}, outside {first} to {last}")
