"""What KRX must have published by now, by calendar and clock; an empty answer alone says nothing."""

from __future__ import annotations

from datetime import date, datetime

from data_pipeline.exceptions import (
    DataPipelineError,
    IncompleteDataError,
    InvalidRequestError,
    NotPublishedError,
)
from data_pipeline.market.clock import Clock
from data_pipeline.market.origin import Origin
from data_pipeline.market.publication import last_published, published_at
from data_pipeline.market.trading_calendar import SEOUL, TradingCalendar

LATE_RETRY_SECONDS = 600.0


class Publication:
    """Tells what may be asked for and what an empty answer means.

    Args:
        origin: Knows when a session is published.
        calendar: The exchange's sessions.
        clock: The market's clock.
    """

    def __init__(self, origin: Origin, calendar: TradingCalendar, clock: Clock) -> None:
        self._origin = origin
        self._calendar = calendar
        self._clock = clock

    def published_at(self, session: date) -> datetime:
        """Return the moment from which a session is published: 08:00 of the next session, in Seoul."""
        return published_at(self._origin, session, self._calendar)

    def last_published(self) -> date:
        """Return the newest session that must be published by now."""
        return last_published(self._origin, self._now(), self._calendar)

    def is_present(self, session: date) -> bool:
        """Return whether quotes are of this session now, or those of the one before it are final already."""
        now = self._now()
        quoted = self._calendar.quoted_session(now)
        is_over = quoted <= self._calendar.last_final_session(now)
        return session == quoted or (is_over and session == self._calendar.opens_again_on(quoted))

    def require(self, session: date) -> None:
        """Accept a session that must be published by now.

        Raises:
            InvalidRequestError: It is not a session, or its figures still move.
            NotPublishedError: It is over, but KRX publishes it later; ``retry_after`` says in how many seconds.
        """
        if not self._calendar.is_session(session):
            raise InvalidRequestError(f"{session} is not a session of the exchange, so KRX has nothing for it")
        now = self._now()
        final = self._calendar.last_final_session(now)
        if session > final:
            raise InvalidRequestError(
                f"sessions after {final} are not final at {now:%Y-%m-%d %H:%M}, {session} is wanted"
            )
        from_then_on = self.published_at(session)
        if now < from_then_on:
            raise NotPublishedError(
                f"KRX publishes {session} from {from_then_on:%Y-%m-%d %H:%M} in Seoul; ask again then",
                (from_then_on - now).total_seconds(),
            )

    def nothing_came(self, where: str, session: date) -> DataPipelineError:
        """Return what an answer without rows means for a session that :meth:`require` accepted.

        On the day of publication KRX may be late, which passes; later on, the data are missing for good.
        """
        now = self._now()
        due = self.published_at(session)
        if now.date() == due.date():
            return NotPublishedError(
                f"{where}: nothing came, although {session} is due today from {due:%H:%M}; KRX is late",
                LATE_RETRY_SECONDS,
            )
        return IncompleteDataError(
            f"{where}: nothing came, although {session} was a session and must be published: look at openapi.krx.co.kr "
            "for a notice, and at the trading calendar for a closure that it lacks"
        )

    def _now(self) -> datetime:
        return self._clock().astimezone(SEOUL)
