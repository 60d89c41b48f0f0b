"""Sessions of the emulated stream on clocks that the test moves, without sockets."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from data_pipeline.emulator.clock import MarketClock
from data_pipeline.emulator.kis.stream.desk import StreamDesk
from data_pipeline.emulator.kis.stream.faults import StreamFaults
from data_pipeline.emulator.kis.stream.stage import SyntheticStage
from data_pipeline.emulator.kis.stream.talk import End, Talk
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.sources.kis.stream.frame import Control, Records, read_frame
from tests.unit.emulator.conftest import APP_KEY, MARKET, Ticker

STAGE = SyntheticStage(MarketView(MARKET))


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
        return Talk(self.desk, STAGE, self.clock, self.faults, virtual=virtual)

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


def codes(said: list[str | End]) -> list[str]:
    """The codes of control messages, and PINGPONG."""
    frames = [read_frame(one) for one in said if isinstance(one, str)]
    return [one.code or one.tr_id for one in frames if isinstance(one, Control)]


def records(said: list[str | End], tr_id: str = "H0STCNT0") -> list[list[str]]:
    """The records of a feed."""
    frames = [read_frame(one) for one in said if isinstance(one, str)]
    return [row for one in frames if isinstance(one, Records) and one.feed.tr_id == tr_id for row in one.rows]


@pytest.fixture
def house() -> House:
    """A server at ten o'clock of a session."""
    return House()
