"""A number of calls that one key may send in one calendar day of Seoul, counted for all processes together."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from data_pipeline.coordination.store import Store, damaged
from data_pipeline.exceptions import ConfigurationError, DailyQuotaError
from data_pipeline.market.clock import SEOUL, Clock

_DAYS_KEPT = 2
"""Hosts whose clocks differ a little may count calls at midnight on different days."""


class DailyQuota:
    """Counts calls before they are sent; safe among threads and processes.

    The count survives a restart of the host, because the server's own count does. A server that says the quota is spent
    is believed until midnight, whatever was counted here: other programs may use the same key.

    Args:
        store: The state that processes share.
        name: The name under which the key's count is kept; not the key itself.
        limit: Calls from 00:00 to 24:00 in Seoul.
        clock: The market's clock, which decides what day it is.

    Raises:
        ConfigurationError: ``limit`` is not positive.
    """

    def __init__(self, store: Store, name: str, limit: int, clock: Clock) -> None:
        if limit < 1:
            raise ConfigurationError(f"a quota of calls a day must be 1 or more, not {limit}")
        self._store = store
        self._key = f"{name}.day"
        self._limit = limit
        self._clock = clock

    def take(self) -> None:
        """Count one call that is about to be sent.

        Raises:
            DailyQuotaError: The day's calls are spent; nothing was counted. ``retry_after`` leads to midnight in Seoul.
            CoordinationError: The shared state cannot be used, so no call may be sent.
        """
        now = self._now()

        def count(state: dict[str, Any], _: float) -> bool:
            days = self._days(state)
            used = days.get(now.date(), 0)
            if used < self._limit:
                self._write(state, {**days, now.date(): used + 1}, now.date())
            return used < self._limit

        if not self._store.update(self._key, count, lasting=True):
            raise self.spent()

    def stop(self) -> None:
        """Count the rest of today as spent, because the server said so.

        Raises:
            CoordinationError: The shared state cannot be used.
        """
        today = self._now().date()

        def spend(state: dict[str, Any], _: float) -> None:
            days = self._days(state)
            self._write(state, {**days, today: max(days.get(today, 0), self._limit)}, today)

        self._store.update(self._key, spend, lasting=True)

    def left(self) -> int:
        """Return how many calls of today are left, 0 or more.

        Raises:
            CoordinationError: The shared state cannot be used.
        """
        used = self._days(self._store.read(self._key, lasting=True)).get(self._now().date(), 0)
        return max(0, self._limit - used)

    def spent(self) -> DailyQuotaError:
        """Return the error that says that today's calls are spent and when the next day begins."""
        now = self._now()
        midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), SEOUL)
        return DailyQuotaError(
            f"the {self._limit:,} calls that this key has for {now.date()} are spent; the next day begins at 00:00 in "
            "Seoul",
            (midnight - now).total_seconds(),
        )

    def _now(self) -> datetime:
        return self._clock().astimezone(SEOUL)

    def _days(self, state: dict[str, Any]) -> dict[date, int]:
        found = state.get("days", {})
        try:
            days = {date.fromisoformat(day): used for day, used in found.items()}
        except (AttributeError, TypeError, ValueError):
            raise damaged(self._store.location(self._key), "days is not a count by day") from None
        if not all(type(used) is int and used >= 0 for used in days.values()):
            raise damaged(self._store.location(self._key), "days is not a count by day")
        return days

    @staticmethod
    def _write(state: dict[str, Any], days: dict[date, int], today: date) -> None:
        kept = sorted(days, key=lambda day: abs((day - today).days))[:_DAYS_KEPT]
        state["days"] = {day.isoformat(): days[day] for day in sorted(kept)}
