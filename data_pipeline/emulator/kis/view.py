"""The synthetic market as a quote server reads it: what is listed, quoted and known at one moment, kept in caches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from data_pipeline.emulator.kept import Kept
from data_pipeline.emulator.kis.errors import unknown_symbol
from data_pipeline.exceptions import CalendarRangeError, UnknownStockError
from data_pipeline.market.records import DailyBar, Instrument, OrderBook

if TYPE_CHECKING:
    from data_pipeline.sources.mock.market import SyntheticMarket

HISTORY = 250
SETTLED_AFTER_CLOSE = timedelta(minutes=30)
"""Half an hour after the close neither the price nor the book moves any more, so answers can be kept."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of time for quotes: the session they belong to and the time up to which it has run."""

    session: date
    at: datetime
    """Whole minutes in Seoul (the market moves by minutes), not beyond the point where quotes stop moving."""


class MarketView:
    """Reads the market that it is handed for the wire."""

    def __init__(self, market: SyntheticMarket) -> None:
        self.market = market
        self.calendar = market.calendar
        self.fragments = Kept(8_000)
        self._listed = Kept(8_000)
        self._histories = Kept(512)
        self.minutes = Kept(64)
        self.files = Kept(6)

    def warm(self, now: datetime) -> None:
        """Draw the market's instruments, so that the first call does not wait for it (about half a second)."""
        self.market.instruments(self.calendar.quoted_session(now))

    def moment(self, now: datetime) -> Moment:
        """Return what quotes show at ``now``: the session of that day from 08:00, before that the session before."""
        session = self.calendar.quoted_session(now)
        settled = self.calendar.close_at(session) + SETTLED_AFTER_CLOSE
        return Moment(session, min(now.replace(second=0, microsecond=0), settled))

    def session_before(self, moment: Moment) -> Moment:
        """Return the moment after the close of the session before."""
        session = self.calendar.previous_session(moment.session)
        return Moment(session, self.calendar.close_at(session) + SETTLED_AFTER_CLOSE)

    def phase(self, moment: Moment) -> str:
        """Return where the session stands: before, open, auction (the ten minutes before the close) or after."""
        if moment.at < self.calendar.open_at(moment.session):
            return "before"
        close = self.calendar.close_at(moment.session)
        if moment.at >= close:
            return "after"
        return "auction" if (close - moment.at).total_seconds() <= 600 else "open"

    def instrument(self, code: str, session: date) -> Instrument:
        """Return the instrument as listed in that session; refuses (MCA05918) a code that is not."""
        return self._listed.get((code, session), lambda: self._instrument(code, session))

    def _instrument(self, code: str, session: date) -> Instrument:
        try:
            if self.market.listed_on(code) > session:
                raise unknown_symbol()
            gone = self.market.delisted_on(code)
            if gone is not None and gone <= session:
                raise unknown_symbol()
            return self.market.instrument(code, session)
        except UnknownStockError:
            raise unknown_symbol() from None

    def bar(self, code: str, moment: Moment) -> DailyBar:
        """Return the bar of the quoted session as far as it has run."""
        bar = self.market.day_so_far(code, moment.at)
        if bar is None:
            raise unknown_symbol()
        return bar

    def book(self, code: str, moment: Moment) -> OrderBook:
        """Return the ten levels at that moment; empty sides for a halted instrument."""
        return self.market.order_book(code, moment.at)

    def bar_before(self, code: str, session: date) -> DailyBar | None:
        """Return the bar of the session before; None for an instrument listed today."""
        return self.market.daily_bar(code, self.calendar.previous_session(session))

    def history(self, code: str, session: date) -> list[DailyBar]:
        """Return the raw bars of the 250 sessions before ``session``, oldest first; fewer for young instruments."""
        return self._histories.get((code, session), lambda: self._history(code, session))

    def _history(self, code: str, session: date) -> list[DailyBar]:
        last = self.calendar.previous_session(session)
        first = max(session - timedelta(days=380), self.calendar.first_day, self.market.listed_on(code))
        return self.market.daily_bars(code, first, last)[-HISTORY:] if first <= last else []

    def bars(self, code: str, first: date, last: date, moment: Moment) -> list[DailyBar]:
        """Return raw bars of the sessions in ``first`` to ``last``, both included, oldest first, the running one too.

        Sessions before the calendar begins, before the listing or after ``moment`` have none.
        """
        first = max(first, self.calendar.first_day, self.market.listed_on(code))
        last = min(last, moment.session)
        if first > last:
            return []
        past = min(last, self._previous(moment.session))
        bars = self.market.daily_bars(code, first, past) if first <= past else []
        if last == moment.session and moment.at >= self.calendar.open_at(moment.session):
            running = self.market.day_so_far(code, moment.at)
            bars = [*bars, running] if running is not None else bars
        return bars

    def _previous(self, session: date) -> date:
        try:
            return self.calendar.previous_session(session)
        except CalendarRangeError:
            return session - timedelta(days=1)

    def split_ratio(self, code: str, session: date, previous: DailyBar, base: int) -> float:
        """Return how many new shares one old share became at the start of ``session``: 1.0 on an ordinary day."""
        if base == previous.close:
            return 1.0
        before = self.market.listed_shares(code, previous.session)
        after = self.market.listed_shares(code, session)
        if before == after or abs(after * base - before * previous.close) > before * previous.close // 20:
            return 1.0
        return after / before
