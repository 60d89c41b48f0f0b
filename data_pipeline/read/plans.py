"""What one read does: which columns, from where, of which rows, and what has to hold first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError
from data_pipeline.loading.coverage.cells import DATASETS
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.read import columns
from data_pipeline.read.adjusted import JOIN, join_values, read_spans
from data_pipeline.read.arguments import as_codes, as_day, as_moment, as_range
from data_pipeline.read.columns import Dataset
from data_pipeline.read.completeness import Asked, require_bars, require_factors, require_known, require_moments

Codes = Iterable[str] | str | None
_RANGE = "b.session BETWEEN %(first)s AND %(last)s"
_CODES = " AND b.stock_code = ANY (%(codes)s)"


@dataclass(frozen=True)
class Plan:
    """One read, its arguments checked."""

    dataset: Dataset
    relation: str
    where: str
    values: Mapping[str, Any]
    checks: tuple[Callable[[Cursor], None], ...] = ()
    """Checks, each of which raises when the read would be silently wrong."""
    join: Callable[[Cursor], tuple[str, Mapping[str, Any]]] | None = None
    """More of FROM, and its values."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What was asked for, for the metadata of a file."""

    def query(self, cursor: Cursor) -> str:
        """Check what has to hold and return the SELECT with its values in it.

        Raises:
            DataPipelineError: A check failed.
        """
        for check in self.checks:
            check(cursor)
        joined, values = self.join(cursor) if self.join else ("", {})
        names = ", ".join(f"{column.expression} AS {column.name}" for column in self.dataset.columns)
        statement = f"SELECT {names} FROM {self.relation} {joined} WHERE {self.where} ORDER BY {self.dataset.order}"  # noqa: S608
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
    asked = Asked("daily_bar", as_codes(codes), *as_range(first, last), moment)

    def join(cursor: Cursor) -> tuple[str, Mapping[str, Any]]:
        found = read_spans(cursor, asked.codes, asked.first, moment)
        if complete:
            require_factors(cursor, asked, found)
        return JOIN, join_values(found)

    dataset = columns.ADJUSTED_BARS if adjusted else columns.DAILY_BARS
    return _plan(dataset, asked, require_bars if complete else None, asked.stored, join if adjusted else None)


def plan_minute_bars(
    codes: Codes, first: date | str, last: date | str, minutes: int = 1, *, complete: bool = True
) -> Plan:
    """Plan what :func:`data_pipeline.read.minute_bars` reads."""
    if minutes not in columns.MINUTE_BARS:
        raise InvalidRequestError(f"minutes must be 1, 5 or 30, not {minutes!r}")
    dataset = columns.MINUTE_BARS[minutes]
    asked = Asked("minute_bar", as_codes(codes), *as_range(first, last))
    plan = _plan(dataset, asked, require_bars if complete else None, dataset.source)
    return replace(plan, about={**plan.about, "minutes": str(minutes)})


def plan_price_snapshots(codes: Codes, first: date | str, last: date | str, *, complete: bool = True) -> Plan:
    """Plan what :func:`data_pipeline.read.price_snapshots` reads."""
    asked = Asked("price_snapshot", as_codes(codes), *as_range(first, last))
    return _plan(columns.PRICE_SNAPSHOTS, asked, require_moments if complete else None)


def plan_order_books(codes: Codes, first: date | str, last: date | str, *, complete: bool = True) -> Plan:
    """Plan what :func:`data_pipeline.read.order_books` reads."""
    asked = Asked("order_book", as_codes(codes), *as_range(first, last))
    return _plan(columns.ORDER_BOOKS, asked, require_moments if complete else None)


def plan_instruments(on: date | str | None = None) -> Plan:
    """Plan what :func:`data_pipeline.read.instruments` reads."""
    day = None if on is None else as_day(on, "on")

    def require_list(cursor: Cursor) -> None:
        cursor.execute("SELECT min(valid_from)::date FROM market.instrument_history")
        begins = (cursor.fetchone() or (None,))[0]
        if begins is None:
            raise IncompleteDataError("no list of issues is stored yet: run market_reference (or `make run`)")
        if day is not None and day < begins:
            raise IncompleteDataError(f"the issues of {day} are not known: the first list stored is of {begins}")

    dataset = columns.INSTRUMENTS if day is None else columns.INSTRUMENTS_ON
    where = "true" if day is None else "b.valid_from <= %(on)s AND (b.valid_to IS NULL OR %(on)s < b.valid_to)"
    about = {} if day is None else {"on": day.isoformat()}
    return Plan(dataset, dataset.source, where, {"on": day}, (require_list,), about=about)


def plan_trading_sessions(first: date | str, last: date | str) -> Plan:
    """Plan what :func:`data_pipeline.read.trading_sessions` reads."""
    begin, end = as_range(first, last)
    krx_calendar().sessions(begin, end)  # a year without a calendar raises
    return Plan(columns.SESSIONS, columns.SESSIONS.source, _RANGE, {"first": begin, "last": end})


def plan_coverage(first: date | str, last: date | str, dataset: str | None = None) -> Plan:
    """Plan what :func:`data_pipeline.read.coverage` reads."""
    begin, end = as_range(first, last)
    if dataset not in (None, *DATASETS):
        raise InvalidRequestError(f"dataset must be {' or '.join(DATASETS)}, or None for both, not {dataset!r}")
    relation = """(
        SELECT dataset, session, count(*) AS expected, count(*) FILTER (WHERE state = 'loaded') AS loaded,
            count(*) FILTER (WHERE state = 'known_empty') AS known_empty,
            count(*) FILTER (WHERE state = 'missing') AS missing
        FROM market.coverage_cells(%(first)s, %(last)s) GROUP BY dataset, session
    ) b"""
    where = "%(dataset)s::text IS NULL OR b.dataset = %(dataset)s"
    return Plan(columns.COVERAGE, relation, where, {"first": begin, "last": end, "dataset": dataset})


def _plan(
    dataset: Dataset,
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
    return Plan(dataset, relation or dataset.source, where, asked.values, bound, join, about)
