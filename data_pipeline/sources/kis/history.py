"""Daily bars from charts and quotes; the server's own clock decides which session is which."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import chain

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.records import ChartData, DailyBar, PriceType
from data_pipeline.market.rejections import keep_good
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.sources.kis import parse
from data_pipeline.sources.kis.charts import bar_pages, chart_pages
from data_pipeline.sources.kis.interactive import last_session_of
from data_pipeline.sources.kis.parse_answer import Call
from data_pipeline.sources.kis.parse_chart import ChartRow, chart_bar, good_bars
from data_pipeline.sources.kis.parse_fields import Row
from data_pipeline.sources.kis.quotes import SLOTS, ask_quotes, batches, require_same_session
from data_pipeline.sources.kis.server_clock import ServerClock, require_final

_FIRST_CHART_DAY = date(1980, 1, 4)


class History:
    """Asks for bars of days, weeks and months through single calls; safe among threads.

    Args:
        call: Sends one call.
        clock: The server's clock.
        calendar: The exchange's sessions.
    """

    def __init__(self, call: Call, clock: ServerClock, calendar: TradingCalendar) -> None:
        self._call = call
        self._clock = clock
        self._calendar = calendar
        self._proving = threading.Lock()
        self._proved: date | None = None
        """The session to which the quotes are known to belong."""

    def daily_bars(self, stock_code: str, first: date, last: date) -> Iterator[DailyBar]:
        """Yield the daily bars of one code from its chart, newest first.

        Raises:
            InvalidRequestError: The range holds a session that is not final yet.
        """
        return chain.from_iterable(self._final_pages(stock_code, first, last))

    def _final_pages(self, stock_code: str, first: date, last: date) -> Iterator[Iterable[DailyBar]]:
        for at, bars in bar_pages(self._call, stock_code, first, last):
            require_final(self._calendar, last, at)
            yield bars

    def bars_of_session(self, stock_codes: list[str], session: date) -> Iterator[DailyBar]:
        """Yield one session's bar of each code: from quotes if those are of this session, otherwise from charts.

        The first bar comes from a chart, which names its day and so proves that the quotes are of this session. The
        proof holds for later calls too.

        Raises:
            InvalidRequestError: The session is not final yet.
            PayloadError: The quotes turn out to be of another session.
        """
        bars: list[DailyBar] = []
        rest = stock_codes
        if not self.is_past(session):
            with self._proving:
                if self._proved != session:
                    bars, rest = self._prove(stock_codes, session)
        yield from bars
        if rest and self._proved == session:
            for batch in batches(rest):
                yield from self._quoted_bars(batch, session)
        elif rest:
            yield from (bar for code in rest for bar in self.daily_bars(code, session, session))

    def is_past(self, session: date) -> bool:
        """Whether quotes no longer show this session, as far as the server's clock is known."""
        return self._clock.is_known and self._calendar.quoted_session(self._clock.now()) != session

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

    def _prove(self, codes: list[str], session: date) -> tuple[list[DailyBar], list[str]]:
        """Return the bars of the first codes, up to a proof or to its failure, and the codes that are left."""
        bars: list[DailyBar] = []
        for position, code in enumerate(codes):
            at, rows = next(chart_pages(self._call, code, session, session))
            require_final(self._calendar, session, at)
            good = [*good_bars(code, rows)]
            bars += good
            others = codes[position + 1 :]
            if self._calendar.quoted_session(at) != session:
                return bars, others
            if good and others:
                bars += self._quoted_bars([code, *others[: SLOTS - 1]], session, proof=rows[0])
                self._proved = session
                return bars, others[SLOTS - 1 :]
        return bars, []

    def _quoted_bars(self, codes: Sequence[str], session: date, proof: ChartRow | None = None) -> Iterator[DailyBar]:
        """Yield the bars that up to thirty quotes make; with a proof, the first code's is compared and left out."""
        at, quotes = ask_quotes(self._call, codes)
        if proof is not None:
            require_same_session(quotes[codes[0]], proof)
        if self._calendar.quoted_session(at) != session:
            raise InvalidRequestError(f"the server went on from {session} while its quotes were read; ask again")
        wanted = codes if proof is None else codes[1:]
        return keep_good(partial(_quoted_bar, session, quotes), wanted, str, lambda _: session)


def _quoted_bar(session: date, quotes: Mapping[str, Row], stock_code: str) -> DailyBar:
    return parse.parse_quote_bar(stock_code, session, quotes[stock_code])
