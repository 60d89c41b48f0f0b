"""One-minute bars of one code, walked back through the pages of KIS's two minute charts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import chain

from data_pipeline.exceptions import InvalidRequestError, UnsupportedDatasetError
from data_pipeline.market.evidence import is_gathered, require_gatherer, tell
from data_pipeline.market.records import MinuteBar
from data_pipeline.market.trading_calendar import SEOUL, TradingCalendar
from data_pipeline.sources.kis.codes import symbol
from data_pipeline.sources.kis.endpoints import MINUTES_PAST, MINUTES_TODAY, PRICE, Endpoint
from data_pipeline.sources.kis.minute_tally import AUCTION, MinuteTally, minute_bars
from data_pipeline.sources.kis.parse_answer import Answer, Call
from data_pipeline.sources.kis.parse_chart import MinuteRow, parse_minutes, traded_today
from data_pipeline.sources.kis.server_clock import ServerClock

_ONE_MINUTE = timedelta(minutes=1)
_REACH_BACK = timedelta(days=365)
_EARLIEST = time(9)
"""No session opens before; a late open is not relied on, since the exchange announces it at short notice."""


class Minutes:
    """Asks for minutes with as few calls as KIS allows; safe among threads.

    The running session comes from 주식당일분봉조회, 30 bars a call. On the real server a session that is over, today's
    too, comes from 주식일별분봉조회, 120 bars a call, and its pages run on across days: a page asked for at 09:10 is
    filled with the end of the previous session, and those rows are kept.

    Args:
        call: Sends one call.
        clock: The server's clock.
        calendar: The exchange's sessions.
        virtual: Whether it is the virtual server.
    """

    def __init__(self, call: Call, clock: ServerClock, calendar: TradingCalendar, *, virtual: bool) -> None:
        self._call, self._clock, self._calendar, self._virtual = call, clock, calendar, virtual
        self._asking = threading.Lock()
        self._spanned = 1
        """How many sessions one page has been seen to look through; any other page surely looks through as many."""

    def bars(self, stock_code: str, first: date, last: date) -> Iterator[MinuteBar]:
        """Yield the complete minutes of the sessions from ``first`` to ``last``, both included, newest first.

        A minute whose predecessor did not come is left out, and one whose shares KIS has not moved yet is withheld; the
        log says so. What the answers prove about each session is reported to
        whoever gathers evidence.

        Args:
            stock_code: Whose minutes.
            first: A session.
            last: A session, not before ``first``.

        Raises:
            InvalidRequestError: The last session has not begun.
            UnsupportedDatasetError: The first one lies further back than the server's minutes do.
            IncompleteDataError: Nobody gathers evidence, and shares were traded in the finished quoted session while no
                minute of it came, or minutes are missing between others.
        """
        quoted = self._quoted_session(stock_code)
        if last > quoted:
            raise InvalidRequestError(f"session {last} has not begun: the server quotes {quoted}")
        if self._virtual and first < quoted:
            raise UnsupportedDatasetError(f"the virtual server of KIS has minutes of {quoted} only, not of {first}")
        if first < quoted - _REACH_BACK:
            raise UnsupportedDatasetError(f"minutes of KIS reach back one year from {quoted}, not to {first}")
        tally = MinuteTally(stock_code, self._calendar, virtual=self._virtual)
        return self._told(tally, self._rows(stock_code, first, last, quoted, tally), first, last)

    def back(self, stock_code: str, listed_on: Callable[[], date | None]) -> Iterator[Iterator[MinuteBar]]:
        """Yield the complete minutes of the quoted session, then those before it back to the listing, newest first.

        ``listed_on`` is asked only when more is wanted than the quoted session has.

        Raises:
            UnsupportedDatasetError: More was wanted than the server has.
        """
        quoted = self._quoted_session(stock_code)
        yield self.bars(stock_code, quoted, quoted)
        reach = self._calendar.sessions(quoted - _REACH_BACK, quoted)
        born = listed_on() or date.min
        first = quoted if self._virtual else max(reach[0], born)
        before = self._calendar.previous_session(quoted)
        if first <= before:
            tally = MinuteTally(stock_code, self._calendar)
            yield minute_bars(self._past(stock_code, first, before, tally), tally)
        if born < first:
            self.bars(stock_code, self._calendar.previous_session(first), quoted)

    def _told(self, tally: MinuteTally, rows: Iterator[MinuteRow], first: date, last: date) -> Iterator[MinuteBar]:
        yield from minute_bars(rows, tally)
        for session in self._calendar.sessions(first, last):
            newest = tally.open_end(session) if is_gathered() else None
            if newest is not None:
                # From another moment than before, so that it is another answer.
                _, again = self._page(MINUTES_PAST, tally.stock_code, self._calendar.close_at(session))
                tally.compare(newest, again)
            tell(tally.evidence(session))

    def _rows(self, stock_code: str, first: date, last: date, quoted: date, tally: MinuteTally) -> Iterator[MinuteRow]:
        if last == quoted and (self._virtual or self._clock.now() < self._calendar.close_at(quoted)):
            yield from self._today(stock_code, quoted, tally)
            last = self._calendar.previous_session(quoted)
        if last < first:
            return
        rows = self._past(stock_code, first, last, tally)
        newest = next(rows, None)
        if last == quoted and (newest is None or newest.at.date() != quoted):
            # Nothing was traded today, or this chart does not have today yet; the other one tells which.
            yield from self._today(stock_code, quoted, tally)
        yield from chain([newest] if newest else [], rows)

    def _today(self, stock_code: str, session: date, tally: MinuteTally) -> Iterator[MinuteRow]:
        """Yield the rows of the quoted session, newest first; those that can still change are marked."""
        final_at, closes = self._calendar.final_at(session), self._calendar.close_at(session)
        cursor, found = final_at, False
        while True:
            answer, rows = self._page(MINUTES_TODAY, stock_code, cursor)
            tally.hear(answer)
            own = [row for row in rows if row.at.date() == session]
            marked = [*_marked(own, answer)]
            if own and not found:
                found, marked[0] = True, replace(own[0], moving=not _is_final(own, answer, closes))
            yield from marked
            if len(own) < (MINUTES_TODAY.page_size or 0) or own[-1].at.time() <= _EARLIEST:
                break
            cursor = own[-1].at - _ONE_MINUTE
        if not found and answer.at >= final_at and traded_today(answer) > 0:
            # All of them may have changed hands outside of regular hours: the daily bar tells, the head does not.
            require_gatherer(answer.where, f"shares were traded on {session}, but no minute of it came")

    def _past(self, stock_code: str, first: date, last: date, tally: MinuteTally) -> Iterator[MinuteRow]:
        """Yield the rows of finished sessions, newest first, in one walk over all of them."""
        cursor = self._calendar.final_at(last)
        while True:
            answer, rows = self._page(MINUTES_PAST, stock_code, cursor)
            tally.hear(answer)
            tally.look(rows)
            yield from _marked((row for row in rows if row.at.date() >= first), answer)
            before = self._before(rows, cursor)
            if before is None or before < datetime.combine(first, _EARLIEST, SEOUL):
                return
            cursor = before

    def _before(self, rows: list[MinuteRow], cursor: datetime) -> datetime | None:
        """Return where the next page ends: just before this one, past every session that it has looked through."""
        oldest = rows[-1].at if rows else cursor
        session = oldest.date()
        if rows:
            self._spanned = max(self._spanned, len(self._calendar.sessions(session, cursor.date())))
        full = len(rows) >= (MINUTES_PAST.page_size or 0)
        if full and oldest.time() > _EARLIEST:
            return oldest - _ONE_MINUTE
        # An empty page has looked through as many sessions as others were seen to; a short one ends where it ends.
        for _ in range(1 if rows else self._spanned):
            if session <= self._calendar.first_day:
                return None
            session = self._calendar.previous_session(session)
        return self._calendar.final_at(session)

    def _page(self, endpoint: Endpoint, stock_code: str, cursor: datetime) -> tuple[Answer, list[MinuteRow]]:
        answer = self._call(endpoint, _params(endpoint, stock_code, cursor), stock_code)
        rows = parse_minutes(stock_code, answer)
        if rows and rows[0].at > cursor:
            raise rows[0].row.error("stck_cntg_hour", f"is {rows[0].at:%H%M%S}, later than {cursor:%H%M%S} as asked")
        for row in rows:
            if not self._calendar.is_session(row.at.date()):
                raise row.row.error("stck_bsop_date", f"is {row.at:%Y-%m-%d}, which is not a session of the exchange")
        return answer, rows

    def _quoted_session(self, stock_code: str) -> date:
        with self._asking:
            if not self._clock.is_known:
                # Any answer tells the server's time; without it the local clock would choose the session.
                self._call(PRICE, symbol(stock_code), stock_code)
        return self._calendar.quoted_session(self._clock.now())


def _marked(rows: Iterable[MinuteRow], answer: Answer) -> Iterator[MinuteRow]:
    """Mark the running minute."""
    return (replace(row, moving=True) if row.at + _ONE_MINUTE > answer.at else row for row in rows)


def _is_final(newest_first: Sequence[MinuteRow], answer: Answer, closes: datetime) -> bool:
    """Return whether the newest row of the quoted session's chart holds its own minute, and all of it.

    KIS keeps the shares of the last minute that traded in the newest row, whichever that is, until somebody trades
    again. So during the session the newest row proves nothing. After the close it is final, unless the shares may be
    those of an earlier minute: its total did not rise, or the minute just before it reads as if nothing had traded.
    """
    newest, *older = newest_first[:2]
    if answer.at < max(closes, newest.at + _ONE_MINUTE):
        return False
    if not older:
        return True
    (before,) = older
    return newest.total_value != before.total_value and (before.volume > 0 or before.at >= closes - AUCTION)


def _params(endpoint: Endpoint, stock_code: str, cursor: datetime) -> dict[str, str]:
    params = {**symbol(stock_code), "FID_INPUT_HOUR_1": f"{cursor:%H%M%S}"}
    if endpoint is MINUTES_TODAY:
        return {**params, "FID_PW_DATA_INCU_YN": "N", "FID_ETC_CLS_CODE": ""}
    # Y fills a page with the sessions before.
    day = f"{cursor:%Y%m%d}"
    return {**params, "FID_INPUT_DATE_1": day, "FID_PW_DATA_INCU_YN": "Y", "FID_FAKE_TICK_INCU_YN": ""}
