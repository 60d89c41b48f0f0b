"""The synthetic market: the same seed gives the same instruments, bars and books on any machine."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

from data_pipeline.exceptions import InvalidRequestError, UnknownStockError
from data_pipeline.market.price_rules import tick_size
from data_pipeline.market.records import DailyBar, Instrument, MinuteBar, OrderBook
from data_pipeline.market.trading_calendar import SEOUL, TradingCalendar, krx_calendar
from data_pipeline.market.venue import Venue
from data_pipeline.sources.mock.book import empty_book, order_book
from data_pipeline.sources.mock.days import base_price, day_of, price_limits
from data_pipeline.sources.mock.issue import SESSION_ZERO, Former, Issue
from data_pipeline.sources.mock.minutes import Stretch, minute_bars, stretch_so_far
from data_pipeline.sources.mock.noise import mixed
from data_pipeline.sources.mock.past import earlier_issues, with_past
from data_pipeline.sources.mock.tape import Tape
from data_pipeline.sources.mock.universe import REFERENCE_SESSION, build_universe

_MINUTE = timedelta(minutes=1)
_TRADES = 11 << 40


class SyntheticMarket:
    """Synthetic prices of synthetic and well-known instruments, in random access by stock code and session.

    Everything is a function of the seed, the stock code and the session or moment asked for; nothing is stored and
    the order of questions does not matter. The rules of the exchange hold: ticks, price limits, halts, splits,
    listings, delistings. An unknown stock code raises :class:`UnknownStockError`, a day that is not a session
    :class:`InvalidRequestError`, and a day outside the calendar :class:`CalendarRangeError`; none of them passes by
    trying again.
    """

    REFERENCE_NOW = datetime.combine(REFERENCE_SESSION, datetime.min.time(), SEOUL) + timedelta(hours=20, minutes=30)
    """An evening on which 005930 reads 71,000 won, +1,420 (+2.04 %), 25,483,920 shares."""

    def __init__(self, seed: int = 20260914, calendar: TradingCalendar | None = None) -> None:
        """Prepare the market; the instruments are drawn at the first question (about 0.3 s)."""
        self.seed = seed
        self.calendar = calendar or krx_calendar()
        self._minutes = lru_cache(maxsize=64)(self._minutes_of)

    def instruments(self, session: date) -> list[Instrument]:
        """Return every instrument listed on the session, in order of stock code."""
        index = self._index(session)
        issues = (self._issue(code, index) for code in self._issues)
        return [self._instrument(issue, index) for issue in issues if issue.is_listed(index)]

    def instrument(self, code: str, session: date) -> Instrument:
        """Return one instrument as it stood on the session; a delisted one as it stood on its last session.

        Raises:
            UnknownStockError: No such instrument, or it is listed only later.
        """
        index = self._index(session)
        issue = self._issue(code, index)
        if index < issue.listed:
            raise UnknownStockError(code, f"the synthetic market on {session}")
        return self._instrument(issue, index if issue.delisted is None else min(index, issue.delisted - 1))

    def english_name(self, code: str) -> str:
        """Return the English name of an instrument."""
        return self._issue(code).english_name

    def sector(self, code: str) -> str:
        """Return the sector of an instrument, in English; ``ETF`` for a fund."""
        return self._issue(code).sector

    def industry(self, code: str) -> str:
        """Return the industry of an instrument, in English."""
        return self._issue(code).industry

    def listed_on(self, code: str) -> date:
        """Return the day an instrument was listed, which may be before the calendar begins."""
        return self._issue(code).listed_on

    def delisted_on(self, code: str) -> date | None:
        """Return the first session that no longer lists the instrument; None while no end is known."""
        delisted = self._issue(code).delisted
        return None if delisted is None else self._session_at(delisted)

    def daily_bar(self, code: str, session: date) -> DailyBar | None:
        """Return the session's bar; None only when the instrument is not listed that day.

        A session without a trade, halted or not, has volume 0, open, high and low 0, the close before it and change 0;
        only that of a thin fund may close elsewhere, by its quotes, and an instrument that found no orders in regular
        hours may trade a few shares after them, since 2026-09-14.
        """
        index = self._index(session)
        issue = self._issue(code, index)
        return self._daily_bar(issue, index) if issue.is_listed(index) else None

    def daily_bars(self, code: str, first: date, last: date) -> list[DailyBar]:
        """Return the bars of the sessions from ``first`` to ``last``, both included, oldest first.

        Sessions on which the instrument is not listed have none.
        """
        indices = [self._indices[session] for session in self.calendar.sessions(first, last)]
        days = [(self._issue(code, index), index) for index in indices] if self._issue(code) else []
        return [self._daily_bar(issue, index) for issue, index in days if issue.is_listed(index)]

    def minute_bars(self, code: str, session: date) -> list[MinuteBar]:
        """Return the minutes of the session that traded, oldest first; they add up to the daily bar.

        The last ten minutes before the close have no bar; the closing auction is the bar at the close. Empty when
        nothing traded in regular hours or the instrument is not listed.
        """
        return list(self._minutes(code, session))

    def minute_bars_so_far(self, code: str, at: datetime) -> list[MinuteBar]:
        """Return the minutes of the quoted session that have ended by ``at``; the auction ends at the close."""
        session = self.calendar.quoted_session(at)
        closes = self.calendar.close_at(session)
        if at >= closes:
            return list(self._minutes(code, session))
        return [bar for bar in self._minutes(code, session) if bar.at < closes and bar.at + _MINUTE <= at]

    def day_so_far(self, code: str, at: datetime) -> DailyBar | None:
        """Return the quoted session's bar as it stands at ``at``; None when the instrument is not listed that day.

        Before the first trade the close is the base price and all else 0; from the close on it is the whole bar.
        """
        session = self.calendar.quoted_session(at)
        whole = self.daily_bar(code, session)
        if whole is None or at >= self.calendar.close_at(session):
            return whole
        if whole.open == 0:
            return _part_of(whole, None)
        index = self._index(session)
        issue = self._issue(code, index)
        opens, closes = self.calendar.open_at(session), self.calendar.close_at(session)
        return _part_of(whole, stretch_so_far(issue, index, day_of(issue, index), opens, closes, at))

    def order_book(self, code: str, at: datetime) -> OrderBook:
        """Return the book of the quoted session at ``at``, up to ten levels a side within the day's limits.

        Both sides are empty for a halted instrument, one side when the last price is on a limit.

        Raises:
            UnknownStockError: The instrument is not listed on the quoted session.
        """
        session = self.calendar.quoted_session(at)
        bar = self.day_so_far(code, at)
        if bar is None:
            raise UnknownStockError(code, f"the synthetic market on {session}")
        index = self._index(session)
        issue = self._issue(code, index)
        here = at.astimezone(SEOUL)
        if issue.is_halted(index):
            return empty_book(issue, here)
        return order_book(issue, bar.close, price_limits(issue, index), here, bar.volume)

    def tape(self, code: str, session: date, venue: Venue = Venue.KRX) -> Tape:
        """Return the trades of a session; at the exchange they add up to its minutes and its day, exactly.

        Empty where the minutes are. What a day trades only after hours is not among them.
        """
        index = self._index(session)
        bars = self._minutes(code, session)
        issue = self._issue(code, index)
        # Ticks of dearer prices are multiples of the ticks of cheaper ones.
        tick = tick_size(min((bar.low for bar in bars), default=1), issue.board)
        return Tape(mixed(issue.key, _TRADES + index), bars, self.calendar.close_at(session), tick, venue)

    def book_beside(self, code: str, session: date, at: datetime, last: int, volume: int) -> OrderBook:
        """Return the book beside a trade: ``last`` is its price and ``volume`` the shares of the session up to it."""
        issue, index = self._listed(code, session)
        return order_book(issue, last, price_limits(issue, index), at, volume)

    def base_price(self, code: str, session: date) -> int:
        """Return the price that the session's change and limits are counted from (기준가), won."""
        return base_price(*self._listed(code, session))

    def price_limits(self, code: str, session: date) -> tuple[int, int]:
        """Return the session's lowest and highest price (하한가, 상한가), won."""
        return price_limits(*self._listed(code, session))

    def listed_shares(self, code: str, session: date) -> int:
        """Return the number of listed shares on the session."""
        issue, index = self._listed(code, session)
        return _shares(issue, index)

    @cached_property
    def _issues(self) -> dict[str, Issue]:
        return with_past(build_universe(self.seed, tuple(self._sessions)), self._indices)

    @cached_property
    def _earlier(self) -> dict[str, Issue]:
        return earlier_issues(self.seed, self._issues)

    @cached_property
    def _sessions(self) -> list[date]:
        return self.calendar.sessions(self.calendar.first_day, self.calendar.last_day)

    @cached_property
    def _indices(self) -> dict[date, int]:
        return {session: index for index, session in enumerate(self._sessions, -self._before)}

    @cached_property
    def _before(self) -> int:
        return self._sessions.index(SESSION_ZERO)

    def _session_at(self, index: int) -> date:
        return self._sessions[index + self._before]

    def _index(self, session: date) -> int:
        if not self.calendar.is_session(session):
            raise InvalidRequestError(f"{session} is not a session of the exchange")
        return self._indices[session]

    def _issue(self, code: str, index: int | None = None) -> Issue:
        """Return the instrument that has a code, on a session the one that has it then."""
        issue = self._issues.get(code)
        if issue is None:
            raise UnknownStockError(code, "the synthetic market")
        earlier = None if index is None or index >= issue.listed else self._earlier.get(code)
        return earlier if earlier is not None and earlier.is_listed(index or 0) else issue

    def _listed(self, code: str, session: date) -> tuple[Issue, int]:
        index = self._index(session)
        issue = self._issue(code, index)
        if not issue.is_listed(index):
            raise UnknownStockError(code, f"the synthetic market on {session}")
        return issue, index

    def _instrument(self, issue: Issue, index: int) -> Instrument:
        numerator, denominator = issue.split(index)
        face = issue.face_value
        former = issue.former if issue.former and index < issue.former.until else Former(index)
        return Instrument(
            stock_code=issue.code,
            isin=issue.isin,
            name=former.name or issue.name,
            market=former.market or issue.market,
            security_group=issue.group,
            as_of=self._session_at(index),
            listed_on=former.listed_on or issue.moved_on or issue.listed_on,
            listed_shares=_shares(issue, index),
            face_value=None if face is None else face * numerator / denominator,
            base_price=base_price(issue, index),
            halted=issue.is_halted(index),
            managed=issue.managed,
            liquidation=issue.in_liquidation(index),
            preferred=issue.preferred,
        )

    def _daily_bar(self, issue: Issue, index: int) -> DailyBar:
        day = day_of(issue, index)
        change = day.close - day.base
        session = self._session_at(index)
        return DailyBar(issue.code, session, *day[1:5], day.volume, day.value, change)

    def _minutes_of(self, code: str, session: date) -> tuple[MinuteBar, ...]:
        index = self._index(session)
        issue = self._issue(code, index)
        if not issue.is_listed(index):
            return ()
        opens, closes = self.calendar.open_at(session), self.calendar.close_at(session)
        return tuple(minute_bars(issue, index, day_of(issue, index), opens, closes))


def _shares(issue: Issue, index: int) -> int:
    numerator, denominator = issue.split(index)
    former = issue.former
    shares = former.shares if former and index < former.until else None
    return (shares or issue.shares) * denominator // numerator


def _part_of(whole: DailyBar, part: Stretch | None) -> DailyBar:
    base = whole.close - whole.change
    opened, high, low, close, volume, value = part or (0, 0, 0, base, 0, 0)
    return DailyBar(whole.stock_code, whole.session, opened, high, low, close, volume, value, close - base)
