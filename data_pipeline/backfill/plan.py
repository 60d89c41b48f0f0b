"""The plan of a backfill: made once out of the gaps, and then followed by the command and by the DAG's tasks."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from math import inf
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.backfill.cost import Estimate, estimate, said_today
from data_pipeline.backfill.division import as_ranges, clipped, divide, merged
from data_pipeline.backfill.gaps import all_sessions, lacking, within_reach
from data_pipeline.backfill.pace import Pace
from data_pipeline.backfill.requests import plan_spans, task_parts, whole_market_spans
from data_pipeline.backfill.sources import Sources, offer_of
from data_pipeline.backfill.wish import Backfill, Wish, checked
from data_pipeline.datasets.dataset import MarketSize
from data_pipeline.engine.windows import WINDOW_ROWS
from data_pipeline.loading.instruments.listing import markets_of
from data_pipeline.market.origin import Offer
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.window import Gap, Span
from data_pipeline.sources.base import AbstractDataSource

Gaps = Mapping[str, Sequence[Gap]]
"""Cells as the gaps of each code, oldest first; without codes the sessions stand under the empty code."""
MARKET_DAYS = 250
"""Sessions of the exchange in one task: about a year, and a quarter of an hour of its server."""
TASK_S = 1_800.0
"""Seconds of the shared budget that one task takes at most when it asks code by code: half an hour, far from whatever
waits for it, as Celery's ``visibility_timeout`` does; tasks side by side take as many times longer."""
_A_MONTH = 21


@dataclass(frozen=True)
class Share:
    """What one source is asked for."""

    backfill: Backfill
    gaps: Gaps
    spans: Sequence[Span]
    """They fill all of the gaps, with the fewest requests, in the order in which they are asked for."""
    cost: Estimate
    offer: Offer | None = None
    """What the source can still do today, when its calls are limited by the day."""
    calls_a_second: float | None = None
    """The source's quota; None for one without."""

    def __str__(self) -> str:
        said = f"{self.backfill.dataset} from {self.backfill.first} to {self.backfill.last} out of"
        today = f"; {said_today([span.requests for span in self.spans], self.offer)}" if self.offer else ""
        return f"{said} {self.backfill.source}: {self.cost}{today}"


@dataclass(frozen=True)
class BackfillPlan:
    """Who is asked for which cells, and what that costs."""

    backfill: Backfill
    """All of it, as it was checked."""
    shares: tuple[Share, ...]
    """In the order of asking; what the first one does not do goes to the second one. No cell is in both."""
    moment: datetime
    """When the run came due, by which sessions are final."""
    most_rows: int = WINDOW_ROWS
    """Rows that may be asked for and not be stored; one window holds half of them."""

    @property
    def requests(self) -> int:
        """Of all sources together, at most."""
        return sum(share.cost.requests for share in self.shares)

    @property
    def lines(self) -> list[str]:
        """The plan for people, a line for each source."""
        return [str(share) for share in self.shares]

    @property
    def told(self) -> list[dict[str, Any]]:
        """The plan as a table, a row for each source, as JSON can hold it."""
        return [
            {
                "source": share.backfill.source,
                "dataset": share.backfill.dataset,
                "first": share.backfill.first.isoformat(),
                "last": share.backfill.last.isoformat(),
                "asks for": share.cost.what,
                "requests": share.cost.requests,
                "rows at most": share.cost.rows,
                "seconds": None if share.cost.seconds is None else round(share.cost.seconds),
                "days": share.cost.days,
            }
            for share in self.shares
        ]

    def rest(self, undone: Gaps) -> list[Span]:
        """Return the spans of the last source: its own share, and what the one before it did not do."""
        share = self.shares[-1]
        gaps = merged((share.gaps, undone), all_sessions())
        return _spans(share.backfill, gaps, self.moment, self.most_rows, {})

    def tasks(self, chunk_size: int) -> list[Backfill]:
        """Return what each load task does; together they ask for every cell of the plan, and for none twice.

        Args:
            chunk_size: Stock codes in one task at most, for a source that is asked code by code. A task has fewer when
                they take more than half an hour of the source's budget, unless there would be too many tasks.

        Raises:
            InvalidRequestError: There would be more tasks than Airflow maps, or ``chunk_size`` is not positive.
        """
        if not self.backfill.by_code:
            return list(self._market_tasks())
        if len(self.shares) == 1:
            return self._code_tasks(self.shares[0], chunk_size, ())
        exchange, broker = self.shares
        days = [span.first for span in exchange.spans]
        others = {*krx_calendar().sessions(self.backfill.first, self.backfill.last)}.difference(days)
        rest = as_ranges(sorted(others), all_sessions())
        return [*self._day_tasks(exchange, days), *self._code_tasks(broker, chunk_size, rest)]

    def _market_tasks(self) -> Iterator[Backfill]:
        (share,) = self.shares
        if self.backfill.declared.of_sessions:
            spans = [krx_calendar().sessions(span.first, span.last) for span in share.spans]
            days = sorted(day for days in spans for day in days)
            for year in (list(some) for _, some in groupby(days, key=lambda day: day.year)):
                yield replace(self.backfill, first=year[0], last=year[-1])
        # Its check asks once a day at most, and has to compare with the calendar also what is stored already.
        elif share.spans:
            yield replace(self.backfill, first=share.spans[0].first, cells="all")

    def _code_tasks(self, share: Share, chunk_size: int, ranges: Sequence[Gap]) -> list[Backfill]:
        codes = list(share.gaps)
        if share.backfill.shape.market_calls:
            # A call brings a whole market day, so that a session must not be asked for by several tasks.
            chunk_size = max(chunk_size, len(codes))
        most = share.calls_a_second * TASK_S if share.calls_a_second else inf
        parts = task_parts(codes, chunk_size, _requests_of_codes(share.spans), most)
        return [replace(share.backfill, stock_codes=tuple(part), ranges=tuple(ranges)) for part in parts]

    def _day_tasks(self, share: Share, days: Sequence[date]) -> Iterator[Backfill]:
        for start in range(0, len(days), MARKET_DAYS):
            some = as_ranges(days[start : start + MARKET_DAYS], all_sessions())
            first, last = some[0][0], some[-1][1]
            yield replace(
                share.backfill, stock_codes=tuple(share.gaps), first=first, last=last, ranges=tuple(some),
                fallback=self.backfill.source,
            )  # fmt: skip


def plan_wish(
    connection: Connection, wish: Wish, sources: Sources, moment: datetime, most_rows: int = WINDOW_ROWS
) -> BackfillPlan:
    """Return the cheapest plan for a wish; nothing is asked of a source, and no transaction stays open.

    Raises:
        InvalidRequestError, UnsupportedDatasetError, IncompleteDataError: As :func:`checked`.
    """
    backfill = checked(connection, wish, sources.source.name, moment)
    return plan_backfill(connection, backfill, sources, moment, most_rows)


def plan_backfill(
    connection: Connection, backfill: Backfill, sources: Sources, moment: datetime, most_rows: int = WINDOW_ROWS
) -> BackfillPlan:
    """Return the cheapest plan for what a backfill lacks; no transaction stays open.

    Args:
        connection: Of any role.
        backfill: What is wanted; its source is the one that is asked code by code when there are two.
        sources: Who may be asked.
        moment: When it is asked, or the run came due; aware.
        most_rows: Rows that may be asked for and not be stored.
    """
    gaps = within_reach(lacking(connection, backfill), backfill, moment)
    by_market_day = sources.exchange is not None or backfill.shape.market_calls
    markets = markets_of(connection, list(gaps)) if by_market_day else {}
    connection.rollback()
    return plan_gaps(backfill, gaps, sources, moment, most_rows, markets)


def plan_task(
    connection: Connection, task: Backfill, in_turn: Sequence[AbstractDataSource], moment: datetime, most_rows: int
) -> BackfillPlan:
    """Return the plan for what a load task still lacks: all of it is the first source's, until that fails.

    Args:
        connection: Of any role; no transaction stays open.
        task: What the load task does.
        in_turn: Its source, and the one that is asked for what that did not do, if any.
        moment: When the run came due; aware.
        most_rows: Rows that may be asked for and not be stored.
    """
    first, *others = in_turn
    plan = plan_backfill(connection, task, Sources(first), moment, most_rows)
    rest = (_share(one, replace(task, source=one.name), {}, moment, most_rows) for one in others)
    return replace(plan, shares=(*plan.shares, *rest))


def plan_gaps(
    backfill: Backfill,
    gaps: Gaps,
    sources: Sources,
    moment: datetime,
    most_rows: int = WINDOW_ROWS,
    markets: Mapping[str, str] | None = None,
) -> BackfillPlan:
    """Return the cheapest plan that fills these gaps of a backfill; ``markets`` as for :func:`plan_spans`."""
    source, exchange = sources.source, sources.exchange
    offer = offer_of(exchange) if exchange is not None else None
    if exchange is None or offer is None:
        share = _share(source, backfill, gaps, moment, most_rows, markets, pace=sources.pace)
        return BackfillPlan(backfill, (share,), moment, most_rows)
    official = replace(backfill, source=exchange.name)
    shapes = official.shape, backfill.shape
    division = divide(backfill.declared, gaps, all_sessions(), offer, shapes, markets or {}, quoted_session(moment))
    shares = (
        _share(exchange, official, division.by_day, moment, most_rows, markets, pace=sources.pace),
        _share(source, backfill, division.by_code, moment, most_rows, pace=sources.pace),
    )
    return BackfillPlan(backfill, shares, moment, most_rows)


def within_budget(plan: BackfillPlan, sources: Sources, most: int) -> BackfillPlan:
    """Return the plan, or that part of it about its newest sessions which takes at most so many requests.

    Older sessions stay as they are until another plan; when even the newest one takes more, it is all of the plan.
    """
    backfill, gaps = plan.backfill, plan.shares[-1].gaps
    days = krx_calendar().sessions(backfill.first, backfill.last)

    def since(day: date) -> BackfillPlan:
        some = clipped(gaps, [(day, backfill.last)], all_sessions())
        return plan_gaps(replace(backfill, first=day), some, sources, plan.moment, plan.most_rows)

    if plan.requests <= most:
        return plan
    first = bisect_left(days, -most, key=lambda day: -since(day).requests)
    return since(days[min(first, len(days) - 1)])


def quoted_session(moment: datetime) -> date | None:
    """Return the session that quotes show at a moment, when it is final; None when it is not."""
    newest = krx_calendar().last_final_session(moment)
    return newest if krx_calendar().quoted_session(moment) == newest else None


def _share(
    source: AbstractDataSource,
    backfill: Backfill,
    gaps: Gaps,
    moment: datetime,
    most_rows: int,
    markets: Mapping[str, str] | None = None,
    pace: Pace | None = None,
) -> Share:
    spans = _spans(backfill, gaps, moment, most_rows, markets or {})
    cost = estimate(backfill, spans, source.calls_a_second, pace)
    return Share(backfill, gaps, spans, cost, offer_of(source), source.calls_a_second)


def _spans(backfill: Backfill, gaps: Gaps, moment: datetime, most_rows: int, markets: Mapping[str, str]) -> list[Span]:
    """Return what is asked for; half of the rows are a span, so that one can be on its way while another is loaded."""
    shape = backfill.shape
    if backfill.by_code:
        half = max(1, most_rows // 2)
        return plan_spans(backfill.declared, gaps, all_sessions(), shape, half, quoted_session(moment), markets)
    if isinstance(size := backfill.declared.size, MarketSize):
        return whole_market_spans(size, gaps.get("", ()), all_sessions(), shape)
    if backfill.of_lists:
        days = [day for first, last in gaps.get("", ()) for day in krx_calendar().sessions(first, last)]
        return [Span((), day, day, max(1, shape.list_calls)) for day in _coarse_first(days)]
    # One call tells some weeks from its first day on.
    return [Span((), first, backfill.last, 1) for first, _ in gaps.get("", ())[:1]]


def _requests_of_codes(spans: Sequence[Span]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for span in spans:
        for code in span.stock_codes:
            found[code] += span.requests / len(span.stock_codes)
    return found


def _coarse_first(days: Sequence[date]) -> list[date]:
    """Return about one session of each month first, so that a rough picture of all years is soon there."""
    rough = {*days[::_A_MONTH], *days[-1:]}
    return [*sorted(rough), *(day for day in days if day not in rough)]
