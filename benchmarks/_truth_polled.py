"""A thousand stock-days of minutes, polled during their session and after it, as KIS was recorded to answer.

The server is played here and not by the emulator: a minute trades twice, at two of its seconds, and its shares move
into its row at the next trade of the day; every minute up to 15:28 has a row, and the auction trades at 15:30.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from data_pipeline.exceptions import DataPipelineError
from data_pipeline.market.evidence import MinuteEvidence, gathering
from data_pipeline.market.records import MinuteBar
from data_pipeline.market.trading_calendar import SEOUL, TradingCalendar
from data_pipeline.sources.kis.endpoints import MINUTES_PAST, Endpoint
from data_pipeline.sources.kis.minute_tally import log
from data_pipeline.sources.kis.minutes import Minutes
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.server_clock import ServerClock
from data_pipeline.sources.mock.market import SyntheticMarket

_MINUTE = timedelta(minutes=1)
_STEP = timedelta(seconds=0.7)
"""How long one call takes, so that minutes end and shares move between the pages of one walk."""
Row = dict[str, str]


@dataclass
class Polled:
    """What became of the polls."""

    stock_days: int = 0
    right_after_close: int = 0
    """Stock-days of which every minute came after the close, and nothing else, and which then count as whole."""
    refused: int = 0
    """Polls that ended with an error."""
    wrong_shown: int = 0
    """Minutes that differ from what traded."""
    withheld: int = 0
    """Minutes that had ended, had traded and were not shown, by all polls."""
    unsaid: int = 0
    """Polls that kept a minute back and counted it nowhere, or did not write one line about it."""
    polls: int = 0


class Server:
    """Answers the minute charts of one instrument on one session, at a time that each call moves on."""

    def __init__(self, bars: Sequence[MinuteBar], calendar: TradingCalendar, chance: random.Random) -> None:
        self.bars, self.now = {bar.at: bar for bar in bars}, bars[0].at
        self.session = bars[0].at.date()
        self.closes = calendar.close_at(self.session)
        self._parts = {bar.at: (chance.uniform(0, 50), chance.uniform(0, 59), chance.random()) for bar in bars}
        self._totals: dict[datetime, int] = {}
        total = 0
        for bar in bars:
            self._totals[bar.at] = total
            total += bar.trading_value
        self.total = total
        self.volume = sum(bar.volume for bar in bars) + chance.choice((0, 100))
        """Shares of the day by the head and the daily bar, which may hold some of the after-market."""

    def call(self, endpoint: Endpoint, params: Mapping[str, str], subject: str) -> Answer:
        """Return one page."""
        self.now += _STEP
        rows: list[Row] = []
        if endpoint is MINUTES_PAST:
            if params["FID_INPUT_DATE_1"] == f"{self.session:%Y%m%d}":
                rows = self._past(_until(self.session, params))[:120]
        elif "FID_INPUT_HOUR_1" in params:
            rows = self._live(_until(self.session, params))
        head = {"hts_kor_isnm": "issue", "acml_vol": str(self.volume)}
        return Answer(f"KIS {endpoint.name} of {subject}", {"output1": head, "output2": rows}, self.now)

    def _so_far(self, bar: MinuteBar) -> MinuteBar | None:
        """Return what a minute has traded by now: nothing, a part or all of it."""
        first, second, share = self._parts[bar.at]
        seconds = (self.now - bar.at).total_seconds()
        if seconds < first:
            return None
        part = 1 + int(share * (bar.volume - 1))
        if seconds >= max(first, second) or bar.volume == part:
            return bar
        price = bar.open
        return MinuteBar(bar.stock_code, bar.at, price, price, price, price, part, price * part)

    def _past(self, until: datetime) -> list[Row]:
        ats = sorted((at for at in self.bars if at <= until), reverse=True)
        return [_row(at, self.bars[at], self._totals[at] + self.bars[at].trading_value) for at in ats]

    def _live(self, until: datetime) -> list[Row]:
        traded = {at: seen for at, bar in self.bars.items() if at <= self.now and (seen := self._so_far(bar))}
        if not traded:
            return []
        last = max(traded)
        total = self._totals[last] + traded[last].trading_value
        newest = self.now.replace(second=0, microsecond=0)
        newest = self.closes if last == self.closes else min(newest, self.closes - 2 * _MINUTE)
        known, rows, at = sorted(traded), list[Row](), newest
        while known and len(rows) < 30:
            bar = traded[known[-1]]
            pending = bar.at == last != newest
            if at == bar.at:
                total = self._totals[at] + (0 if pending else bar.trading_value)
                known.pop()
            if at <= until:
                shown = bar if at == bar.at and not pending else None
                rows.append(_row(at, shown or _flat(bar, at, traded[last].volume if at == newest else 0), total))
            if at == bar.at:
                total = self._totals[at]
            at -= 2 * _MINUTE if at == self.closes else _MINUTE
        return rows


class _Ear(logging.Handler):
    """Counts what is said of minutes that are withheld, and keeps it from the screen."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0

    def emit(self, _record: logging.LogRecord) -> None:
        """Count a line."""
        self.lines += 1


def polled(stock_days: int = 1000, seed: int = 20251105) -> Polled:
    """Poll so many stock-days, each four times in its session and twice after it, and judge every answer."""
    market, chance, result, ear = SyntheticMarket(), random.Random(seed), Polled(), _Ear()
    level, propagate = log.level, log.propagate
    log.addHandler(ear)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        sessions = market.calendar.sessions(date(2026, 8, 3), date(2026, 11, 20))
        while result.stock_days < stock_days:
            session = chance.choice(sessions)
            codes = [one.stock_code for one in market.instruments(session)]
            for code in chance.sample(codes, min(25, stock_days - result.stock_days)):
                if bars := market.minute_bars(code, session):
                    result.stock_days += 1
                    _Day(Server(bars, market.calendar, chance), code, market.calendar, result, ear).poll(chance)
    finally:
        log.removeHandler(ear)
        log.setLevel(level)
        log.propagate = propagate
    return result


@dataclass
class _Day:
    """One stock-day: its server, and the judge of what is shown of it."""

    server: Server
    code: str
    calendar: TradingCalendar
    result: Polled
    ear: _Ear

    def poll(self, chance: random.Random) -> None:
        """Ask at moments of the session, just after the close, and in the evening."""
        opens, closes = self.calendar.open_at(self.server.session), self.server.closes
        length = (closes - opens).total_seconds()
        moments = [opens + timedelta(seconds=chance.uniform(60, length - 600)) for _ in range(3)]
        moments.append(closes - timedelta(seconds=chance.uniform(1, 600)))
        moments.append(closes + timedelta(seconds=chance.uniform(0, 300)))
        for at in sorted(moments):
            self._judged(at, virtual=True)
        found = self._judged(self.calendar.final_at(self.server.session) + timedelta(minutes=40), virtual=False)
        if found is not None:
            bars, told = found
            volume = sum(bar.volume for bar in bars)
            whole = told.doubt(volume, [self.server.volume]) == ""
            self.result.right_after_close += whole and bars == list(self.server.bars.values())

    def _judged(self, at: datetime, *, virtual: bool) -> tuple[list[MinuteBar], MinuteEvidence] | None:
        """Return what the source shows at a moment, oldest first, and what it proves; None for an error."""
        self.result.polls += 1
        server, lines = self.server, self.ear.lines
        server.now = at
        clock = ServerClock(lambda: server.now)
        clock.hear(at)
        minutes = Minutes(server.call, clock, self.calendar, virtual=virtual)
        try:
            with gathering() as told:
                bars = [*minutes.bars(self.code, server.session, server.session)][::-1]
        except DataPipelineError:
            self.result.refused += 1
            return None
        shown = {bar.at for bar in bars}
        self.result.wrong_shown += sum(bar != server.bars.get(bar.at) for bar in bars)
        kept_back = [one for one in server.bars if one + _MINUTE <= at and one not in shown]
        self.result.withheld += len(kept_back)
        said = told[0].withheld >= len(kept_back) and self.ear.lines == lines + bool(told[0].withheld)
        self.result.unsaid += not said
        return bars, told[0]


def asked_in_the_evening(server: Server, code: str, calendar: TradingCalendar, *, virtual: bool) -> MinuteEvidence:
    """Return what the answers of one evening prove about the session's minutes."""
    server.now = calendar.final_at(server.session) + timedelta(minutes=40)
    clock = ServerClock(lambda: server.now)
    clock.hear(server.now)
    minutes = Minutes(server.call, clock, calendar, virtual=virtual)
    with gathering() as told:
        for _ in minutes.bars(code, server.session, server.session):
            pass
    return told[0]


def _until(session: date, params: Mapping[str, str]) -> datetime:
    hour = params["FID_INPUT_HOUR_1"]
    return datetime.combine(session, time(int(hour[:2]), int(hour[2:4])), SEOUL)


def _flat(last: MinuteBar, at: datetime, volume: int) -> MinuteBar:
    price = last.close
    return MinuteBar(last.stock_code, at, price, price, price, price, volume, 0)


def _row(at: datetime, bar: MinuteBar, total: int) -> Row:
    return {
        "stck_bsop_date": f"{at:%Y%m%d}", "stck_cntg_hour": f"{at:%H%M%S}", "stck_oprc": str(bar.open),
        "stck_hgpr": str(bar.high), "stck_lwpr": str(bar.low), "stck_prpr": str(bar.close),
        "cntg_vol": str(bar.volume), "acml_tr_pbmn": str(total),
    }  # fmt: skip
