"""Single trades of the running session, walked back through 주식현재가 당일시간대별체결, about thirty a call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from data_pipeline.exceptions import UnsupportedDatasetError
from data_pipeline.market.stream_records import Trade, TradesTold
from data_pipeline.market.trading_calendar import SEOUL, TradingCalendar
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.codes import symbol
from data_pipeline.sources.kis.endpoints import QUOTATIONS, Endpoint
from data_pipeline.sources.kis.parse_answer import Answer, Call
from data_pipeline.sources.kis.parse_fields import Row

TRADES_TODAY = Endpoint(
    f"{QUOTATIONS}/inquire-time-itemconclusion", "FHPST01060000", virtual=True, page_size=30,
    document="주식현재가 당일시간대별체결",
)  # fmt: skip
MARKETS = {Venue.KRX: "J", Venue.NXT: "NX", Venue.UNIFIED: "UN"}
"""KIS's code of each venue (FID_COND_MRKT_DIV_CODE)."""
MOST_CALLS, MOST_CALLS_OF_SESSION = 100, 20_000
"""Calls of one walk at most; what a walk did not reach is asked for by the next one."""
_SECOND = timedelta(seconds=1)
_SIX = re.compile(r"[0-9]{6}")
_LATEST = time(20, 30)
"""After every trade of a day; the after-market ends at 20:00."""


class Trades:
    """Asks for trades of today.

    A call names the newest second that is wanted and brings the trades of it and before, newest first. There is nothing
    finer than a second: when one call cannot hold all trades of a second, those that it leaves out cannot be had, and
    what was told is not whole.

    Args:
        call: Sends one call.
        calendar: The exchange's sessions.
        virtual: Whether it is the virtual server, which has KRX only.
    """

    def __init__(self, call: Call, calendar: TradingCalendar, *, virtual: bool) -> None:
        self._call, self._calendar, self._virtual = call, calendar, virtual

    def between(
        self,
        stock_code: str,
        venue: Venue,
        since: datetime,
        until: datetime,
        above: int = 0,
        most_calls: int = MOST_CALLS,
    ) -> TradesTold:
        """Return the trades from ``since`` to ``until``, both included; see the source's ``trades_between``.

        Raises:
            UnsupportedDatasetError: The day is not the one that the server quotes, or the virtual server is asked for
                another venue than KRX.
            PayloadError: An answer contradicts itself.
        """
        if self._virtual and venue is not Venue.KRX:
            raise UnsupportedDatasetError(f"KIS's virtual server has no trades of {venue.value}; use the real server")
        walk, cursor = _Walk(above), until
        for _ in range(most_calls):
            if cursor < since or walk.is_over:
                break
            rows = self._page(stock_code, venue, cursor)
            walk.take(rows)
            if rows:
                cursor = min(cursor, rows[-1].traded_at) if walk.went_on else rows[-1].traded_at - _SECOND
        return TradesTold(tuple(walk.trades(since, until)), walk.whole)

    def of_session(self, stock_code: str, session: date) -> Iterator[Trade]:
        """Yield the trades of the quoted session at KRX, by their running volume."""
        begin = datetime.combine(session, time.min, SEOUL)
        end = datetime.combine(session, _LATEST, SEOUL)
        yield from self.between(stock_code, Venue.KRX, begin, end, most_calls=MOST_CALLS_OF_SESSION).trades

    def _page(self, stock_code: str, venue: Venue, cursor: datetime) -> list[Trade]:
        params = {
            **symbol(stock_code), "FID_COND_MRKT_DIV_CODE": MARKETS[venue], "FID_INPUT_HOUR_1": f"{cursor:%H%M%S}",
        }  # fmt: skip
        answer = self._call(TRADES_TODAY, params, stock_code)
        day, today = self._calendar.quoted_session(answer.at), answer.at.date()
        if venue is not Venue.KRX and self._calendar.is_session(today):
            day = today  # the alternative venue opens before the exchange
        if cursor.date() != day:
            raise UnsupportedDatasetError(f"KIS tells the trades of {day} only, not of {cursor.date()}")
        return parse_trades(stock_code, venue, cursor, answer)


class _Walk:
    """What the pages of one walk have brought so far."""

    def __init__(self, above: int) -> None:
        self._above = above
        self._found: dict[int, Trade] = {}
        self._torn = self._begun = False
        self.went_on = True
        """Whether the last page brought an older trade."""

    def take(self, rows: list[Trade]) -> None:
        """Keep the trades of a page, newest first; none when the day has no older one."""
        self._begun = not rows
        new = [row for row in rows if row.cumulative_volume not in self._found]
        if new and not self.went_on and new[0].cumulative_volume != self._least:
            # A second whose trades filled a page was left behind: the next older trade has to join it.
            self._torn = True
        self._found.update((row.cumulative_volume, row) for row in new)
        self.went_on = bool(new)
        self.is_over = self._begun or (bool(self._found) and self._least <= self._above)

    is_over = False
    """Whether there is nothing more to ask for: the oldest trade reaches down to what is known, or there is none."""

    @property
    def whole(self) -> bool:
        """Whether no trade can be lacking between the newest and the oldest that came."""
        reached = bool(self._found) and (self._least <= self._above or (self._begun and self._above == 0))
        return reached and not self._torn

    @property
    def _least(self) -> int:
        """The running volume before the oldest trade."""
        oldest = self._found[min(self._found)]
        return oldest.cumulative_volume - oldest.volume

    def trades(self, since: datetime, until: datetime) -> Iterator[Trade]:
        """Yield what is wanted, by running volume."""
        for volume in sorted(self._found):
            trade = self._found[volume]
            if volume > self._above and since <= trade.traded_at <= until:
                yield trade


def parse_trades(stock_code: str, venue: Venue, cursor: datetime, answer: Answer) -> list[Trade]:
    """Return the trades of an answer, newest first.

    Args:
        stock_code: Whose; the answer repeats no code.
        venue: Where.
        cursor: The newest second that was asked for; it has the day, which the answer has not.
        answer: Of 주식현재가 당일시간대별체결.

    Raises:
        PayloadError: A field is missing or malformed, a time is later than was asked for, or the running volume does
            not fall from row to row.

    Source: KIS Developers, 주식현재가 당일시간대별체결 [v1_국내주식-023], ``output2``.
    """
    trades: list[Trade] = []
    for row in answer.rows("output2"):
        trade = row.make(
            Trade, venue=venue, stock_code=stock_code, traded_at=_second(row, cursor), price=row.integer("stck_prpr"),
            volume=row.integer("cnqn"), cumulative_volume=row.integer("acml_vol"), ask_price=row.integer("askp"),
            bid_price=row.integer("bidp"), filled=True,
        )  # fmt: skip
        if trades and trade.cumulative_volume > trades[-1].cumulative_volume - trades[-1].volume:
            raise row.error("acml_vol", f"is {trade.cumulative_volume}, more than the trade after it leaves")
        trades.append(trade)
    return trades


def _second(row: Row, cursor: datetime) -> datetime:
    value = row.text("stck_cntg_hour")
    try:
        at = datetime.strptime(f"{cursor:%Y%m%d}{value if _SIX.fullmatch(value) else ''}+0900", "%Y%m%d%H%M%S%z")
    except ValueError:
        raise row.error("stck_cntg_hour", f"is no time: {value!r}") from None
    if at > cursor:
        raise row.error("stck_cntg_hour", f"is {value}, later than {cursor:%H%M%S} as asked")
    return at.astimezone(SEOUL)
