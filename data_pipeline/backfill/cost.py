"""What a backfill costs, said before anything is asked, and the limit above which somebody has to agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil

from data_pipeline.backfill.pace import Pace
from data_pipeline.backfill.wish import Backfill
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.origin import Offer
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.window import Span

MOST_UNCONFIRMED = 5_000_000
"""Requests above which somebody has to confirm."""


@dataclass(frozen=True)
class Estimate:
    """What one source's share of a backfill costs."""

    what: str
    """What is asked for, counted: instruments, whole market days, lists or sessions."""
    requests: int
    """At most: an instrument that trades little has fewer minutes than is reckoned with."""
    rows: int | None
    """At most, likewise; None for a dataset that is not asked for by code."""
    seconds: float | None
    """At the current quota; None for a source without one."""
    days: int = 1
    """Days that the key's calls take when they are limited by the day."""
    calls_a_day: int | None = None
    held_to: float | None = None
    """Calls a second that the machine can handle, when those are fewer than the quota allows."""

    def __str__(self) -> str:
        if self.rows is None and not self.requests:
            return f"{self.what}, no requests"
        if self.seconds is None and not self.requests:
            said = [self.what, "no requests and no waiting, because this source makes its figures itself"]
        else:
            said = [self.what, f"{self.requests:,} requests"]
            said.append("no waiting" if self.seconds is None else f"about {timedelta(seconds=round(self.seconds))}")
        said += [f"held to {self.held_to:.0f} calls a second by this machine"] if self.held_to else []
        said += [] if self.rows is None else [f"{self.rows:,} rows at most"]
        said += [f"{self.days:,} days of the key's {self.calls_a_day:,} calls"] if self.days > 1 else []
        return ", ".join(said)


def estimate(
    backfill: Backfill, spans: Sequence[Span], calls_a_second: float | None, pace: Pace | None = None
) -> Estimate:
    """Return what these spans cost at a rate of calls; None for a source that sends none.

    Args:
        backfill: What they are of.
        spans: What is asked for.
        calls_a_second: The quota.
        pace: What the machine can do; None when only the quota counts.
    """
    cost = _at_rate(backfill, spans, calls_a_second)
    if pace is None or not cost.requests or not calls_a_second:
        return cost
    possible = pace.calls_a_second((cost.rows or 0) / cost.requests)
    held = possible if possible < calls_a_second else None
    return replace(cost, seconds=cost.requests / min(possible, calls_a_second), held_to=held)


def _at_rate(backfill: Backfill, spans: Sequence[Span], calls_a_second: float | None) -> Estimate:
    shape = backfill.shape
    requests = sum(span.requests for span in spans) if shape.counted else 0
    seconds = requests / calls_a_second if shape.counted and calls_a_second else None
    days = max(1, ceil(requests / shape.calls_a_day)) if shape.calls_a_day else 1
    sessions = [len(krx_calendar().sessions(span.first, span.last)) for span in spans]
    if not backfill.by_code:
        what, size = f"{sum(sessions):,} {'lists' if backfill.of_lists else 'sessions'}", backfill.declared.size
        return Estimate(what, requests, sum(sessions) * size.rows if size else None, seconds, days, shape.calls_a_day)
    rows = sum(len(span.stock_codes) * number for span, number in zip(spans, sessions, strict=True))
    rows *= backfill.declared.size.rows if backfill.declared.size else 1
    what = f"{len({code for span in spans for code in span.stock_codes}):,} instruments"
    if shape.market_calls:
        what = f"{len(spans):,} sessions, {what}"
    return Estimate(what, requests, rows, seconds, days, shape.calls_a_day)


def said_today(calls: Sequence[int], offer: Offer) -> str:
    """Return how far the calls of today reach.

    Args:
        calls: What each session costs, in the order in which they are asked for.
        offer: What the source can still do today.
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


def require_confirmation(requests: int, *, confirmed: bool, where: str) -> None:
    """Return when so many requests are few enough or confirmed.

    Raises:
        InvalidRequestError: They are neither; the message says how many they are and ``where`` to confirm.
    """
    if requests > MOST_UNCONFIRMED and not confirmed:
        raise InvalidRequestError(
            f"this needs {requests:,} requests, more than {MOST_UNCONFIRMED:,}; {where} to confirm"
        )
