"""What a backfill is: checked before anything is asked, cut into spans, and priced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.backfill.division import clipped
from data_pipeline.backfill.requests import plan_spans
from data_pipeline.engine.many_windows import WINDOW_ROWS
from data_pipeline.engine.windows import MINUTES, Span
from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError, UnsupportedDatasetError
from data_pipeline.loading.coverage.cells import Gap, all_cells, missing_cells, unstored_cells
from data_pipeline.loading.instruments.listing import (
    codes_listed_between,
    gone_before,
    markets_of,
    said_gone,
    unknown_codes,
)
from data_pipeline.market.origin import shape_of
from data_pipeline.market.trading_calendar import krx_calendar

DATASETS = ("daily_bar", "minute_bar", "trading_session")
"""The datasets that have a past to be filled."""
MOST_UNCONFIRMED = 5_000_000
"""Requests above which somebody has to confirm."""
BATCH = 200
"""Issues that one statement looks at, which bounds what Postgres sorts."""

Reader = Callable[[Connection, str, "Sequence[str] | None", date, date], "dict[str, list[Gap]]"]
CELLS: dict[str, Reader] = {"all": all_cells, "unstored": unstored_cells, "missing": missing_cells}
"""Which cells are asked for: all; those neither stored nor known empty; those that coverage counts as missing."""


@dataclass(frozen=True)
class Backfill:
    """A range of one dataset that passed every check."""

    dataset: str
    stock_codes: tuple[str, ...]
    """Empty for trading_session."""
    first: date
    last: date
    source: str
    """What the source's rows carry in ``source``."""
    cells: str = "unstored"
    """A key of ``CELLS``."""
    ranges: tuple[Gap, ...] = ()
    """Only the sessions of these ranges are asked for; empty means all of them."""


@dataclass(frozen=True)
class Estimate:
    """What a backfill will cost."""

    stock_codes: int
    requests: int
    """At most: an issue that trades little has fewer minutes than is reckoned with."""
    rows: int
    """At most, likewise."""
    seconds: float | None
    """At the current quota; None for a source without one."""

    def __str__(self) -> str:
        time = "no waiting" if self.seconds is None else f"about {timedelta(seconds=round(self.seconds))}"
        return f"{self.stock_codes:,} issues, {self.requests:,} requests, {time}, {self.rows:,} rows at most"


def check_backfill(dataset: str, first: date, last: date | None, source: str, moment: datetime) -> tuple[date, date]:
    """Return the range to fill; ``last`` None means the newest session that was final at ``moment``.

    Raises:
        InvalidRequestError: The dataset is unknown, or the range is reversed, holds no session or reaches beyond the
            newest final session.
        UnsupportedDatasetError: The source does not have this dataset, or not so far back; nothing was asked.
    """
    if dataset not in DATASETS:
        raise InvalidRequestError(f"dataset must be one of {', '.join(DATASETS)}, not {dataset!r}")
    shape = shape_of(source, dataset)
    calendar = krx_calendar()
    newest = calendar.last_final_session(moment)
    last = last or newest
    if first > last:
        raise InvalidRequestError(f"the range is reversed: first {first} is after last {last}")
    if last > newest:
        raise InvalidRequestError(f"last {last} is beyond {newest}, the last final session at the moment of the run")
    if not calendar.sessions(first, last):
        raise InvalidRequestError(f"no session of the exchange lies between {first} and {last}")
    if first < shape.first_day:
        raise UnsupportedDatasetError(f"{source} begins on {shape.first_day} and has nothing for {first}; begin later")
    if dataset == "minute_bar" and first < shape.first_minute_session(newest) and shape.counted:
        reach = shape.first_minute_session(newest)
        raise UnsupportedDatasetError(f"{source} has minutes from {reach} on, not from {first}; begin later")
    return first, last


def backfill_codes(connection: Connection, stock_codes: Sequence[str], first: date, last: date) -> list[str]:
    """Return the codes to fill: those given, or every issue that was listed in the range.

    Raises:
        InvalidRequestError: A code was never listed, or was delisted before the range begins; all of them are named.
        IncompleteDataError: The warehouse lists no issue in the range.
    """
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


def spans_of(connection: Connection, backfill: Backfill, moment: datetime, most_rows: int = WINDOW_ROWS) -> list[Span]:
    """Return what has to be asked, with the fewest requests; empty when everything is there.

    A span holds half of ``most_rows``, so that one may be on its way while another is loaded. Minutes that the source
    no longer has, and days before the first that it has, are left out; coverage goes on listing them as missing.
    """
    gaps = gaps_of(connection, backfill, moment)
    markets = (
        markets_of(connection, backfill.stock_codes) if shape_of(backfill.source, backfill.dataset).market_calls else {}
    )
    return plan_gaps(backfill, gaps, moment, most_rows, markets)


def plan_gaps(
    backfill: Backfill,
    gaps: Mapping[str, Sequence[Gap]],
    moment: datetime,
    most_rows: int = WINDOW_ROWS,
    markets: Mapping[str, str] | None = None,
) -> list[Span]:
    """Return the spans that fill these gaps of a backfill out of its source; ``markets`` as for ``plan_spans``."""
    calendar = krx_calendar()
    shape = shape_of(backfill.source, backfill.dataset)
    sessions = calendar.sessions(calendar.first_day, calendar.last_day)
    return plan_spans(backfill.dataset, gaps, sessions, shape, max(1, most_rows // 2), quoted_session(moment), markets)


def quoted_session(moment: datetime) -> date | None:
    """Return the session that quotes show at a moment, when it is final; None when it is not."""
    newest = krx_calendar().last_final_session(moment)
    return newest if krx_calendar().quoted_session(moment) == newest else None


def gaps_of(connection: Connection, backfill: Backfill, moment: datetime) -> dict[str, list[Gap]]:
    """Return the cells that a backfill asks for: the gaps of each code, oldest first."""
    shape = shape_of(backfill.source, backfill.dataset)
    calendar = krx_calendar()
    newest = calendar.last_final_session(moment)
    first = max(backfill.first, shape.first_day)
    if backfill.dataset == "minute_bar" and shape.counted:
        first = max(first, shape.first_minute_session(newest))
    gaps: dict[str, list[Gap]] = {}
    for start in range(0, len(backfill.stock_codes), BATCH):
        codes = backfill.stock_codes[start : start + BATCH]
        gaps |= CELLS[backfill.cells](connection, backfill.dataset, codes, first, backfill.last)
    sessions = calendar.sessions(calendar.first_day, calendar.last_day)
    return clipped(gaps, backfill.ranges, sessions) if backfill.ranges else gaps


def estimate(backfill: Backfill, spans: Sequence[Span], calls_a_second: float | None) -> Estimate:
    """Return what these spans cost at a rate of calls; None for a source that sends none."""
    counted = shape_of(backfill.source, backfill.dataset).counted
    requests = sum(span.requests for span in spans) if counted else 0
    rows_per_session = MINUTES if backfill.dataset == "minute_bar" else 1
    calendar = krx_calendar()
    rows = sum(len(span.stock_codes) * len(calendar.sessions(span.first, span.last)) for span in spans)
    codes = len({code for span in spans for code in span.stock_codes})
    seconds = requests / calls_a_second if counted and calls_a_second else None
    return Estimate(codes, requests, rows * rows_per_session, seconds)


def require_confirmation(cost: Estimate, *, confirmed: bool, where: str) -> None:
    """Return when the cost is small enough or confirmed.

    Raises:
        InvalidRequestError: It is neither; the message says what it costs and ``where`` to confirm.
    """
    if cost.requests > MOST_UNCONFIRMED and not confirmed:
        raise InvalidRequestError(
            f"this needs {cost.requests:,} requests, more than {MOST_UNCONFIRMED:,}; {where} to confirm"
        )
