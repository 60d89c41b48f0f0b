"""A backfill of daily bars out of two sources: the exchange's whole market days, and a broker for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.backfill.check import (
    Backfill,
    Estimate,
    estimate,
    gaps_of,
    plan_gaps,
    quoted_session,
)
from data_pipeline.backfill.division import Division, divide, merged
from data_pipeline.engine.many_windows import WINDOW_ROWS
from data_pipeline.engine.windows import Span
from data_pipeline.loading.coverage.cells import Gap
from data_pipeline.loading.instruments.listing import markets_of
from data_pipeline.market.origin import Offer, shape_of
from data_pipeline.market.trading_calendar import krx_calendar


@dataclass(frozen=True)
class Plan:
    """Who is asked for what, and what it costs."""

    official: Backfill
    """The share of the exchange."""
    official_spans: list[Span]
    broker: Backfill
    """The share of the other source."""
    broker_spans: list[Span]
    division: Division
    offer: Offer

    @property
    def calls_left(self) -> int:
        """The exchange's calls of today that stay."""
        return self.offer.calls_left - self.division.calls

    def rest(self, undone: Mapping[str, Sequence[Gap]]) -> dict[str, list[Gap]]:
        """Return the broker's share together with what the exchange did not do."""
        calendar = krx_calendar()
        return merged((self.division.by_code, undone), calendar.sessions(calendar.first_day, calendar.last_day))

    def costs(self, official_rate: float | None, broker_rate: float | None) -> tuple[Estimate, Estimate]:
        """Return what each share costs, the exchange's first, at these rates of calls a second."""
        return (
            estimate(self.official, self.official_spans, official_rate),
            estimate(self.broker, self.broker_spans, broker_rate),
        )

    def lines(self, official_rate: float | None, broker_rate: float | None) -> Iterator[str]:
        """Yield the plan for people, a line for each source."""
        official, broker = self.costs(official_rate, broker_rate)
        range_ = f"{self.broker.dataset} from {self.broker.first} to {self.broker.last}"
        yield (
            f"{range_} out of {self.official.source}: {len(self.division.sessions):,} sessions, {official}; "
            f"{self.calls_left:,} of its calls of today stay"
        )
        yield f"{range_} out of {self.broker.source}: {broker}"


def plan_two_sources(
    connection: Connection, backfill: Backfill, offer: Offer, moment: datetime, most_rows: int = WINDOW_ROWS
) -> Plan:
    """Return the cheapest plan for a backfill of daily bars; what the exchange cannot or need not do is the broker's.

    Args:
        connection: Of any role.
        backfill: What is wanted; its source is the broker.
        offer: What the exchange can do.
        moment: When it is planned, or the run came due.
        most_rows: Rows of one window.
    """
    calendar = krx_calendar()
    sessions = calendar.sessions(calendar.first_day, calendar.last_day)
    gaps = gaps_of(connection, backfill, moment)
    markets = markets_of(connection, list(gaps))
    official = replace(backfill, source=offer.source)
    shapes = shape_of(official.source, "daily_bar"), shape_of(backfill.source, "daily_bar")
    division = divide(gaps, sessions, offer, shapes, markets, quoted_session(moment))
    return Plan(
        official,
        plan_gaps(official, division.by_day, moment, most_rows, markets),
        backfill,
        plan_gaps(backfill, division.by_code, moment, most_rows),
        division,
        offer,
    )


def say_alone(calls: list[int], offer: Offer) -> str:
    """Return how far the calls of today reach when the exchange alone is asked, oldest session first.

    Args:
        calls: What each session costs, in the order in which they are asked for.
        offer: What the exchange can do.
    """
    left, today = offer.calls_left, 0
    for cost in calls:
        if cost > left:
            break
        left, today = left - cost, today + 1
    if today < len(calls):
        return (
            f"{today:,} sessions today, the other {len(calls) - today:,} from 00:00 in Seoul on: {offer.source} has "
            f"{offer.calls_left:,} calls left today"
        )
    return f"{left:,} of its calls of today stay"
