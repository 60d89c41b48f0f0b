"""What one read does: which columns, from where, of which rows, and what has to hold first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.datasets import IN_COVERAGE, Dataset, Due, find_dataset
from data_pipeline.datasets.daily_bar import ADJUSTED_BARS
from data_pipeline.datasets.dataset import MarketSize, No
from data_pipeline.datasets.frame import SESSION, Column, Frame, Type, text
from data_pipeline.datasets.instrument import INSTRUMENTS_ON
from data_pipeline.datasets.minute_bar import FRAMES
from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError
from data_pipeline.loading.coverage.cells import COUNTED, OF_DATASET
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.read.adjusted import JOIN, join_values, read_spans
from data_pipeline.read.arguments import as_codes, as_day, as_moment, as_range
from data_pipeline.read.completeness import (
    Asked,
    require_bars,
    require_factors,
    require_indices,
    require_known,
    require_moments,
    require_sessions,
    require_watched,
)

Codes = Iterable[str] | str | None
_RANGE = "b.session BETWEEN %(first)s AND %(last)s"
_CODES = " AND b.stock_code = ANY (%(codes)s)"
_COUNTS = ("expected", "loaded", "known_empty", "missing", "unproven", "unproven_empty", "archived")
COVERAGE = Frame(
    "coverage",
    "coverage",
    [
        text("dataset", "table"),
        SESSION,
        *(Column(name, Type.WHOLE, "cells") for name in _COUNTS),
    ],
    "b.dataset, b.session",
)


@dataclass(frozen=True)
class Plan:
    """One read, its arguments checked."""

    frame: Frame
    relation: str
    where: str
    values: Mapping[str, Any]
    checks: tuple[Callable[[Cursor], None], ...] = ()
    """Checks, each of which raises when the read would be silently wrong."""
    join: Callable[[Cursor], tuple[str, Mapping[str, Any]]] | None = None
    """More of FROM, and its values."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What was asked for, for the metadata of a file."""
    archived: str = ""
    """The dataset of whose months some may be archived; empty for none."""
    complete: bool = True
    """Whether a month that is in no file is an error."""
    minutes: int = 1
    """How long bars are that are made of minutes."""

    def query(self, cursor: Cursor) -> str:
        """Check what has to hold and return the SELECT with its values in it.

        Raises:
            DataPipelineError: A check failed.
        """
        for check in self.checks:
            check(cursor)
        joined, values = self.join(cursor) if self.join else ("", {})
        names = ", ".join(f"{column.expression} AS {column.name}" for column in self.frame.columns)
        statement = f"SELECT {names} FROM {self.relation} {joined} WHERE {self.where} ORDER BY {self.frame.order}"  # noqa: S608
        return cursor.mogrify(statement, {**self.values, **values}).decode()


def plan_daily_bars(
    codes: Codes,
    first: date | str,
    last: date | str,
    *,
    adjusted: bool,
    as_of: datetime | str | None = None,
    complete: bool = True,
) -> Plan:
    """Plan what :func:`data_pipeline.read.daily_bars` reads."""
    moment = as_moment(as_of)
    asked = Asked(find_dataset("daily_bar"), as_codes(codes), *as_range(first, last), moment)

    def join(cursor: Cursor) -> tuple[str, Mapping[str, Any]]:
        found = read_spans(cursor, asked.codes, asked.first, moment)
        if complete:
            require_factors(cursor, asked, found)
        return JOIN, join_values(found)

    frame = ADJUSTED_BARS if adjusted else _frame_of(find_dataset("daily_bar"))
    return _plan(frame, asked, require_bars if complete else None, asked.stored, join if adjusted else None)


def plan_minute_bars(
    codes: Codes, first: date | str, last: date | str, minutes: int = 1, *, complete: bool = True
) -> Plan:
    """Plan what :func:`data_pipeline.read.minute_bars` reads."""
    if minutes not in FRAMES:
        raise InvalidRequestError(f"minutes must be 1, 5 or 30, not {minutes!r}")
    asked = Asked(find_dataset("minute_bar"), as_codes(codes), *as_range(first, last))
    plan = _plan(FRAMES[minutes], asked, require_bars if complete else None)
    return replace(plan, about={**plan.about, "minutes": str(minutes)}, minutes=minutes)


def plan_rows(dataset: str, codes: Codes, first: date | str, last: date | str, *, complete: bool = True) -> Plan:
    """Plan a read of any dataset of sessions, as it is stored; one of the whole market takes no codes.

    Raises:
        ConfigurationError: There is no such dataset.
        InvalidRequestError: It has a function of its own; or there are codes and it is of the whole market, or a code
            or a day is malformed.
    """
    declared = find_dataset(dataset)
    if isinstance(declared.size, MarketSize):
        if codes is not None:
            raise InvalidRequestError(f"{dataset} is of the whole market: leave the stock codes out")
        whole = Asked(declared, None, *as_range(first, last))
        require = require_sessions if declared.has_cells else require_moments
        return _plan(_frame_of(declared), whole, require if complete else None)
    if not declared.by_code:
        raise InvalidRequestError(f"{dataset} is not of stock codes: it has a function of its own")
    asked = Asked(declared, as_codes(codes), *as_range(first, last))
    require = require_bars if declared.has_cells else require_moments
    require = require_watched if declared.due is Due.STREAMED else require
    return _plan(_frame_of(declared), asked, require if complete else None)


def plan_index_bars(first: date | str, last: date | str, names: Codes = None, *, complete: bool = True) -> Plan:
    """Plan what :func:`data_pipeline.read.index_bars` reads."""
    plan = plan_rows("index_bar", None, first, last, complete=complete)
    if names is None:
        return plan
    wanted = [names] if isinstance(names, str) else [*names]
    where = f"{plan.where} AND (b.name = ANY (%(names)s) OR b.family || ' ' || b.name = ANY (%(names)s))"
    return replace(
        plan,
        where=where,
        values={**plan.values, "names": wanted},
        checks=(*plan.checks, lambda cursor: require_indices(cursor, wanted)),
        about={**plan.about, "codes": ",".join(wanted)},
    )


def plan_instruments(on: date | str | None = None) -> Plan:
    """Plan what :func:`data_pipeline.read.instruments` reads."""
    day = None if on is None else as_day(on, "on")

    def require_list(cursor: Cursor) -> None:
        cursor.execute("SELECT min(valid_from)::date FROM market.instrument_history")
        begins = (cursor.fetchone() or (None,))[0]
        if begins is None:
            raise IncompleteDataError("no list of instruments is stored yet: `data-pipeline run` loads one")
        if day is not None and day < begins:
            raise IncompleteDataError(f"the instruments of {day} are not known: the first list stored is of {begins}")

    frame = _frame_of(find_dataset("instrument")) if day is None else INSTRUMENTS_ON
    where = "true" if day is None else "b.valid_from <= %(on)s AND (b.valid_to IS NULL OR %(on)s < b.valid_to)"
    about = {} if day is None else {"on": day.isoformat()}
    return Plan(frame, frame.source, where, {"on": day}, (require_list,), about=about)


def plan_trading_sessions(first: date | str, last: date | str) -> Plan:
    """Plan what :func:`data_pipeline.read.trading_sessions` reads."""
    begin, end = as_range(first, last)
    krx_calendar().sessions(begin, end)  # a year without a calendar raises
    frame = _frame_of(find_dataset("trading_session"))
    return Plan(frame, frame.source, _RANGE, {"first": begin, "last": end})


def plan_coverage(first: date | str, last: date | str, dataset: str | None = None) -> Plan:
    """Plan what :func:`data_pipeline.read.coverage` reads."""
    begin, end = as_range(first, last)
    if dataset not in (None, *IN_COVERAGE):
        raise InvalidRequestError(f"dataset must be {', '.join(IN_COVERAGE)}, or None for all, not {dataset!r}")
    return Plan(COVERAGE, COUNTED, OF_DATASET, {"first": begin, "last": end, "dataset": dataset})


def _frame_of(dataset: Dataset) -> Frame:
    if isinstance(dataset.frame, No):
        raise InvalidRequestError(f"{dataset.name} cannot be read: {dataset.frame.why}")
    return dataset.frame


def _plan(
    frame: Frame,
    asked: Asked,
    require: Callable[[Cursor, Asked], None] | None,
    relation: str = "",
    join: Callable[[Cursor], tuple[str, Mapping[str, Any]]] | None = None,
) -> Plan:
    where = _RANGE if asked.codes is None else _RANGE + _CODES
    checks: list[Callable[[Cursor, Asked], None]] = [require_known] if asked.codes else []
    checks += [require] if require else []
    about = {
        "codes": "the whole market" if asked.codes is None else ",".join(asked.codes),
        "first": asked.first.isoformat(),
        "last": asked.last.isoformat(),
        "adjusted": str(join is not None).lower(),
        "as_of": asked.as_of.isoformat() if asked.as_of else "",
        "complete": str(require is not None).lower(),
    }
    bound = tuple(lambda cursor, one=check: one(cursor, asked) for check in checks)
    archived = asked.table if asked.dataset.archive else ""
    return Plan(frame, relation or frame.source, where, asked.values, bound, join, about, archived, require is not None)
