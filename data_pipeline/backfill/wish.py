"""What a backfill is asked for, and the checks that it passes before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets import WITH_PAST, Dataset, Due, find_dataset
from data_pipeline.engine.windows import as_codes, as_date
from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError, UnsupportedDatasetError
from data_pipeline.loading.instruments.listing import codes_listed_between, gone_before, said_gone, unknown_codes
from data_pipeline.market.origin import RequestShape, origin_of, shape_of
from data_pipeline.market.publication import last_published
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.window import Gap
from data_pipeline.warehouse.calendar_table import keep_sessions

CELLS = ("all", "unstored", "missing")
"""Which cells are asked for: all of listed instruments; those neither stored nor known to be empty; those that
``market.coverage`` counts as missing."""


@dataclass(frozen=True)
class Wish:
    """What somebody asks for; only what needs neither a source nor the warehouse has been checked.

    Raises:
        InvalidRequestError: The dataset has no past, or it is not asked for by stock code and there are some.
    """

    dataset: str
    stock_codes: tuple[str, ...]
    """Empty: every instrument (종목) that was listed in the range."""
    first: date
    last: date | None = None
    """None: the newest session that was final at the moment of the run."""
    refetch: bool = False
    """Whether what is stored is asked for again."""

    def __post_init__(self) -> None:
        if self.dataset not in WITH_PAST:
            raise InvalidRequestError(f"dataset must be one of {', '.join(WITH_PAST)}, not {self.dataset!r}")
        if self.stock_codes and not find_dataset(self.dataset).by_code:
            raise InvalidRequestError(f"{self.dataset} takes no stock codes: it is of the whole market; leave them out")


@dataclass(frozen=True)
class Backfill:
    """Cells of one dataset out of one source: all that a plan is about, or the part of it that one load task does."""

    dataset: str
    stock_codes: tuple[str, ...]
    """Empty for a dataset that is not asked for by code, and for every instrument of which coverage misses cells."""
    first: date
    last: date
    source: str
    """What the source's rows carry in ``source``."""
    cells: str = "unstored"
    """One of ``CELLS``."""
    ranges: tuple[Gap, ...] = ()
    """Only the sessions of these ranges are asked for; empty means all of them."""
    fallback: str = ""
    """The source that is asked for what this one did not do; empty for none."""

    @property
    def declared(self) -> Dataset:
        """What its dataset is."""
        return find_dataset(self.dataset)

    @property
    def by_code(self) -> bool:
        """Whether the dataset is asked for by stock code; otherwise a cell is a session of the whole market."""
        return self.declared.by_code

    @property
    def of_lists(self) -> bool:
        """Whether it is about lists of instruments, each of one session."""
        return self.declared.due is Due.LIST

    @property
    def shape(self) -> RequestShape:
        """What one request of the source holds.

        Raises:
            UnsupportedDatasetError: The source does not have the dataset.
        """
        return shape_of(self.source, self.dataset)

    @property
    def arguments(self) -> dict[str, Any]:
        """What :func:`backfill_of` makes the same backfill of, as JSON can hold it."""
        return {
            "dataset": self.dataset,
            "stock_codes": list(self.stock_codes),
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "cells": self.cells,
            "ranges": [[first.isoformat(), last.isoformat()] for first, last in self.ranges],
        }


def backfill_of(
    source: str,
    *,
    dataset: str,
    stock_codes: Sequence[str] | str | None,
    first: str | date,
    last: str | date,
    cells: str = "unstored",
    ranges: Iterable[Sequence[str | date]] = (),
) -> Backfill:
    """Return the backfill that these arguments of a task describe.

    Raises:
        InvalidRequestError: A day or a code is malformed, or dataset, codes and cells do not fit together.
    """
    wish = Wish(dataset, tuple(as_codes(stock_codes)), as_date(first, "first"), as_date(last, "last"))
    if cells not in CELLS:
        raise InvalidRequestError(f"cells must be one of {', '.join(CELLS)}, not {cells!r}")
    if not wish.stock_codes and find_dataset(dataset).by_code:
        raise InvalidRequestError(f"the dataset {dataset} needs stock_codes")
    spelled = tuple((as_date(begin, "ranges"), as_date(end, "ranges")) for begin, end in ranges)
    return Backfill(dataset, wish.stock_codes, wish.first, as_date(last, "last"), source, cells, spelled)


def checked(connection: Connection, wish: Wish, source: str, moment: datetime) -> Backfill:
    """Return the backfill that fulfils a wish out of one source; nothing is asked of the source.

    The sessions in the warehouse are brought up to date with the calendar, which is committed.

    Args:
        connection: Of a user that may load.
        wish: What is wanted.
        source: What the source's rows carry in ``source``.
        moment: When it is asked, or the run came due; aware.

    Raises:
        InvalidRequestError, UnsupportedDatasetError: As :func:`checked_range`; or a code was never listed, or was
            delisted before the range begins. All such codes are named.
        IncompleteDataError: The warehouse lists no instrument in the range.
    """
    first, last = checked_range(wish, source, moment)
    keep_sessions(connection)
    by_code = find_dataset(wish.dataset).by_code
    codes = _codes(connection, wish.stock_codes, first, last) if by_code else ()
    connection.commit()
    return Backfill(wish.dataset, tuple(codes), first, last, source, "all" if wish.refetch else "unstored")


def checked_range(wish: Wish, source: str, moment: datetime) -> tuple[date, date]:
    """Return the first and the last day of a wish, when the source has all of the range.

    Raises:
        InvalidRequestError: As :func:`require_range`.
        UnsupportedDatasetError: The source does not have the dataset, or not so far back.
    """
    shape = shape_of(source, wish.dataset)
    first, last = wish.first, wish.last or newest_session(wish.dataset, source, moment)
    require_range(wish.dataset, first, last, source, moment)
    if first < shape.first_day:
        raise UnsupportedDatasetError(f"{source} begins on {shape.first_day} and has nothing for {first}; begin later")
    if first < (reach := first_reachable(wish.dataset, shape, krx_calendar().last_final_session(moment))):
        raise UnsupportedDatasetError(f"{source} has {wish.dataset} from {reach} on, not from {first}; begin later")
    return first, last


def require_range(dataset: str, first: date, last: date, source: str, moment: datetime) -> None:
    """Return when a range, both ends included, holds sessions and ends with one that can be had.

    Raises:
        InvalidRequestError: It is reversed, holds no session, or ends after the newest session that can be had.
        UnsupportedDatasetError: The source does not have the dataset.
    """
    newest = newest_session(dataset, source, moment)
    if first > last:
        raise InvalidRequestError(f"the range is reversed: first {first} is after last {last}")
    if last > newest:
        which = "last final session"
        if find_dataset(dataset).of_sessions:
            which = f"newest session that {source} has published"
        raise InvalidRequestError(f"last {last} is beyond {newest}, the {which} at the moment of the run")
    if not krx_calendar().sessions(first, last):
        raise InvalidRequestError(f"no session of the exchange lies between {first} and {last}")


def newest_session(dataset: str, source: str, moment: datetime) -> date:
    """Return the newest session that can be had: the last final one, and of whole sessions the newest published."""
    if find_dataset(dataset).of_sessions:
        return last_published(origin_of(source), moment)
    return krx_calendar().last_final_session(moment)


def first_reachable(dataset: str, shape: RequestShape, newest: date) -> date:
    """Return the first day that a source still has when ``newest`` is the newest final session."""
    reach = shape.reach.get(dataset) if shape.counted else None
    return shape.first_day if reach is None else max(shape.first_day, newest - reach)


def _codes(connection: Connection, stock_codes: Sequence[str], first: date, last: date) -> list[str]:
    listed = codes_listed_between(connection, first, last)
    if not listed and not (stock_codes and not unknown_codes(connection, stock_codes)):
        raise IncompleteDataError(
            f"the warehouse lists no instruments on {last}: run market_reference first, or `data-pipeline run`"
        )
    if unknown := unknown_codes(connection, stock_codes):
        raise InvalidRequestError(
            f"the warehouse has never seen {', '.join(unknown[:10])} listed; mend stock_codes, or run market_reference"
        )
    if gone := gone_before(connection, stock_codes, first):
        raise InvalidRequestError(said_gone(gone, first))
    return list(stock_codes) or listed
