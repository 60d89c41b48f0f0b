"""Sessions of the emulated stream on clocks that the test moves, without sockets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from data_pipeline.emulator.clock import MarketClock
from data_pipeline.emulator.kis.stream.desk import StreamDesk
from data_pipeline.emulator.kis.stream.faults import StreamFaults
from data_pipeline.emulator.kis.stream.records import feed_names
from data_pipeline.emulator.kis.stream.synthetic import SyntheticStage
from data_pipeline.emulator.kis.stream.talk import End, Talk
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.stream_records import Side, Trade
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.stream.frame import Control, Records, read_frame
from data_pipeline.sources.mock.market import SyntheticMarket

SESSION = date(2026, 11, 20)
NINE = datetime(2026, 11, 20, 9, 0, tzinfo=SEOUL)
APP_KEY, APP_SECRET = "K" * 36, "S" * 180
STAGE = SyntheticStage(MarketView(SyntheticMarket()))


class Ticker:
    """A clock that stands still until the test moves it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class House:
    """A server of the stream: its rules, its failures and its clocks."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 10, 0)) -> None:
        self.ticker = Ticker(1000.0)
        self.clock = MarketClock(start, wall=lambda: start, monotonic=self.ticker)
        self.desk = StreamDesk(self.ticker)
        self.faults = StreamFaults()
        self.approval = self.desk.approve(APP_KEY)

    def talk(self, *, virtual: bool = False) -> Talk:
        """Connect."""
        assert self.desk.admits("127.0.0.1")
        return Talk(self.desk, STAGE, self.clock, self.faults, feed_names(virtual=virtual))

    def command(self, tr_id: str, key: str, *, ends: bool = False, approval: str | None = None) -> str:
        """The text of a command."""
        kind = "2" if ends else "1"
        head = {"approval_key": approval or self.approval, "custtype": "P", "tr_type": kind, "content-type": "utf-8"}
        return json.dumps({"header": head, "body": {"input": {"tr_id": tr_id, "tr_key": key}}})

    def ask(self, talk: Talk, tr_id: str = "H0STCNT0", key: str = "005930", **how: Any) -> list[str]:
        """Give a command and return the codes of the answers."""
        talk.hear(self.command(tr_id, key, **how))
        return codes(talk.due())

    def pass_time(self, talk: Talk, seconds: float, step: float = 1.0) -> list[str | End]:
        """Let time pass and return what came."""
        found: list[str | End] = []
        until = self.ticker.now + seconds
        while self.ticker.now < until and not (found and isinstance(found[-1], End)):
            self.ticker.now += step
            found += talk.due()
        return found


def codes(said: Iterable[str | End]) -> list[str]:
    """The codes of control messages, and PINGPONG."""
    frames = [read_frame(one) for one in said if isinstance(one, str)]
    return [one.code or one.tr_id for one in frames if isinstance(one, Control)]


def records(said: Iterable[str | End], tr_id: str = "H0STCNT0") -> list[list[str]]:
    """The records of a feed."""
    frames = [read_frame(one) for one in said if isinstance(one, str)]
    return [row for one in frames if isinstance(one, Records) and one.feed.tr_id == tr_id for row in one.rows]


def trade(second: int, volume: int, total: int, value: int, **more) -> Trade:
    """A trade of 005930 at 70,000 won."""
    told: dict[str, Any] = {
        "side": Side.BUY, "sell_count": 1, "buy_count": total, "sell_volume": 5, "buy_volume": total,
        "ask_price": 70_100, "bid_price": 70_000, "market_class": "20", "hour_class": "0", "session_class": "2",
    }  # fmt: skip
    at = NINE + timedelta(seconds=second)
    return Trade(Venue.KRX, "005930", at, 70_000, volume, total, value, **(told | more))


TRADES = [
    trade(0, 10, 10, 700_000, side=Side.AUCTION, market_class="10", ask_price=0),
    *(trade(1, 1, 10 + nth, 700_000 + nth * 70_000) for nth in range(1, 21)),
    trade(2, 5, 40, 2_800_000, side=Side.SELL),
    replace(trade(2, 5, 45, 3_150_000), venue=Venue.NXT, stock_code="500001"),
    trade(23_400, 100, 140, 9_800_000, side=Side.AUCTION, market_class="21", session_class="5"),
]
