"""Bars out of charts and quotes, with the server's own clock deciding which session is which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from operator import attrgetter

from data_pipeline.exceptions import InvalidRequestError, UnsupportedDatasetError
from data_pipeline.records import ChartData, DailyBar, MinuteBar, PriceType
from data_pipeline.rejections import keep_good
from data_pipeline.sources.kis import parse
from data_pipeline.sources.kis.charts import Call, chart_pages, minute_rows
from data_pipeline.sources.kis.endpoints import PRICE
from data_pipeline.sources.kis.interactive import last_session_of
from data_pipeline.sources.kis.parse_chart import ChartRow, chart_bar, daily_bar, minute_bars
from data_pipeline.sources.kis.parse_fields import Row
from data_pipeline.sources.kis.quotes import ask_quotes, batches, require_same_session
from data_pipeline.trading_calendar import SEOUL, TradingCalendar

_FIRST_CHART_DAY = date(1980, 1, 4)
_MINUTES_REACH_BACK = timedelta(days=365)


class ServerClock:
    """The server's clock, known from its last answer; the local clock before the first one."""

    def __init__(self, local: Callable[[], datetime]) -> None:
        self._local = local
        self._ahead: timedelta | None = None

    @property
    def is_known(self) -> bool:
        """Whether an answer has told it."""
        return self._ahead is not None

    def hear(self, at: datetime) -> None:
        """Take the server's time from an answer that has just come."""
        self._ahead = at - self._local()

    def now(self) -> datetime:
        """Return the present time, in Seoul."""
        return (self._local() + (self._ahead or timedelta())).astimezone(SEOUL)


class History:
    """Asks for bars through single calls.

    Args:
        call: Sends one call.
        clock: The server's clock.
        calendar: The exchange's sessions.
        virtual: Whether it is the virtual server.
    """

    def __init__(self, call: Call, clock: ServerClock, calendar: TradingCalendar, *, virtual: bool) -> None:
        self._call = call
        self._clock = clock
        self._calendar = calendar
        self._virtual = virtual

    def daily_bars(self, stock_code: str, first: date, last: date) -> Iterator[DailyBar]:
        """Yield the daily bars of one code out of its chart, newest first.

        Raises:
            InvalidRequestError: The range holds a session that is not final yet.
        """
        for at, rows in chart_pages(self._call, stock_code, first, last):
            self._require_final(last, at)
            yield from keep_good(partial(daily_bar, stock_code), rows, attrgetter("stock_code"), attrgetter("day"))

    def bars_of_session(self, stock_codes: list[str], session: date) -> Iterator[DailyBar]:
        """Yield one session's bar of each code, out of quotes where those are of this session, otherwise charts.

        The first bar comes from a chart, which names its day and so proves that the quotes are of this session.

        Raises:
            InvalidRequestError: The session is not final yet.
            PayloadError: The quotes turn out to be of another session.
        """
        for position, code in enumerate(stock_codes):
            at, rows = next(chart_pages(self._call, code, session, session))
            self._require_final(session, at)
            bars = [*keep_good(partial(daily_bar, code), rows, attrgetter("stock_code"), attrgetter("day"))]
            yield from bars
            others = stock_codes[position + 1 :]
            if bars and others and self._calendar.quoted_session(at) == session:
                yield from self._quoted_bars(code, rows[0], others, session)
                return

    def minutes(self, stock_code: str, session: date) -> Iterator[MinuteBar]:
        """Yield the complete minutes of one session, newest first.

        Raises:
            InvalidRequestError: The session has not begun.
            UnsupportedDatasetError: It lies further back than the server's minutes do.
        """
        quoted = self._quoted_session(stock_code)
        if session > quoted:
            raise InvalidRequestError(f"session {session} has not begun: the server quotes {quoted}")
        if self._virtual and session < quoted:
            raise UnsupportedDatasetError(f"the virtual server of KIS has minutes of {quoted} only, not of {session}")
        if session < quoted - _MINUTES_REACH_BACK:
            raise UnsupportedDatasetError(f"minutes of KIS reach back one year from {quoted}, not to {session}")
        rows = minute_rows(self._call, stock_code, session, self._calendar, quoted=session == quoted)
        return minute_bars(stock_code, rows)

    def minutes_back(self, stock_code: str, listed_on: Callable[[], date | None]) -> Iterator[Iterator[MinuteBar]]:
        """Yield the complete minutes of one session after the other, from now back to the listing, newest first.

        ``listed_on`` is asked only when more is wanted than the quoted session has.

        Raises:
            UnsupportedDatasetError: More was wanted than the server has.
        """
        session = self._quoted_session(stock_code)
        yield self.minutes(stock_code, session)
        born = listed_on() or date.min
        while (session := self._calendar.previous_session(session)) >= born:
            yield self.minutes(stock_code, session)

    def chart(self, stock_code: str, period: PriceType, count: int) -> list[ChartData]:
        """Return the newest ``count`` daily, weekly or monthly bars, newest first, the running one included."""
        last = self._clock.now().date()
        bars: list[ChartData] = []
        for at, rows in chart_pages(self._call, stock_code, _FIRST_CHART_DAY, last, period):
            if at.date() > last:
                # The local clock is behind; the answer has corrected it.
                return self.chart(stock_code, period, count)
            quoted = self._calendar.quoted_session(at)
            for row in rows:
                bars.append(chart_bar(stock_code, row, last_session_of(row.day, period, quoted, self._calendar)))
                if len(bars) == count:
                    return bars
        return bars

    def _quoted_bars(self, proof: str, row: ChartRow, others: list[str], session: date) -> Iterator[DailyBar]:
        for number, batch in enumerate(batches([proof, *others])):
            at, quotes = ask_quotes(self._call, batch)
            if number == 0:
                require_same_session(quotes[proof], row)
            if self._calendar.quoted_session(at) != session:
                raise InvalidRequestError(f"the server went on from {session} while its quotes were read; ask again")
            wanted = batch[1:] if number == 0 else batch
            yield from keep_good(partial(_quoted_bar, session, quotes), wanted, str, lambda _: session)

    def _quoted_session(self, stock_code: str) -> date:
        if not self._clock.is_known:
            # Any answer tells the server's time; without it the local clock would choose the session.
            self._call(PRICE, parse.symbol(stock_code), stock_code)
        return self._calendar.quoted_session(self._clock.now())

    def _require_final(self, last: date, at: datetime) -> None:
        final = self._calendar.last_final_session(at)
        if last > final and self._calendar.sessions(final + timedelta(days=1), last):
            raise InvalidRequestError(f"sessions after {final} are not final at {at:%Y-%m-%d %H:%M}, {last} is wanted")


def _quoted_bar(session: date, quotes: Mapping[str, Row], stock_code: str) -> DailyBar:
    return parse.parse_quote_bar(stock_code, session, quotes[stock_code])
