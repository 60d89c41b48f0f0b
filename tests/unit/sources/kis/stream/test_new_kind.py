"""What a further kind of feed costs: this file adds programme trading (프로그램매매) by handing it in."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from data_pipeline.market.stream_records import Subscription
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis import parse_live
from data_pipeline.sources.kis.parse_fields import Row
from data_pipeline.sources.kis.stream import fields
from data_pipeline.sources.kis.stream.session import Session
from data_pipeline.sources.registrations import Registrations
from tests.support.live import Clock
from tests.support.live_wire import FakeWire


# begin of what a kind costs
@dataclass(frozen=True, slots=True)
class ProgrammeTrading:
    """What programmes have bought and sold of an instrument so far."""

    stock_code: str
    observed_at: datetime
    sold: int
    bought: int

    def __post_init__(self) -> None:
        if self.sold < 0 or self.bought < 0:
            raise ValueError(f"programme trading {self.stock_code}: fewer than no shares")


PROGRAMME = fields.Feed(
    "H0STPGM0", "programme_trading", Venue.KRX,
    ("MKSC_SHRN_ISCD", "STCK_CNTG_HOUR", "SELN_CNQN", "SELN_TR_PBMN", "SHNU_CNQN", "SHNU_TR_PBMN", "NTBY_CNQN",
     "NTBY_TR_PBMN", "SELN_RSQN", "SHNU_RSQN", "WHOL_NTBY_QTY"),
    least=11,
)  # fmt: skip


def parse_programme(feed, texts, at):
    """Return the record of one row."""
    row = Row(f"KIS {feed.tr_id} of {texts[0]}", dict(zip(feed.names, texts, strict=False)))
    return row.make(
        ProgrammeTrading, stock_code=texts[0], observed_at=at, sold=row.integer("SELN_CNQN"),
        bought=row.integer("SHNU_CNQN"),
    )  # fmt: skip


FEEDS = {**fields.FEEDS, PROGRAMME.tr_id: PROGRAMME}
PARSERS = {**parse_live.PARSERS, PROGRAMME.kind: parse_programme}
# end of what a kind costs

FRAME = "0|H0STPGM0|001|005930^092237^1413444^109159646900^1189408^91931710200^-224036^-17227936700^65033^15475^-49558"
"""The portal's example."""


def test_a_new_kind_is_registered_and_read():
    """Its frames become its records, and everything else stays as it was."""
    clock = Clock()
    wire = FakeWire(clock)
    read = partial(parse_live.records_of, parsers=PARSERS)
    registrations = Registrations(41, pace=0.05)
    session = Session(wire, "approval", registrations, read, clock.monotonic, clock.market, feeds=FEEDS)
    session.want([Subscription(PROGRAMME.kind, Venue.KRX, "005930")])
    session.listen(0.05)
    assert wire.sent == [("1", "H0STPGM0", "005930")]
    wire.texts.append(FRAME)
    (found,) = session.listen(0.05)
    assert (type(found), found.sold, found.bought) == (ProgrammeTrading, 1413444, 1189408)


def test_a_new_kind_costs_at_most_forty_lines():
    """A record, a feed, a parser, and their places in two tables."""
    source = inspect.getsource(inspect.getmodule(test_a_new_kind_costs_at_most_forty_lines))
    cost = source.split("# begin of what a kind costs")[1].split("# end of what a kind costs")[0]
    assert len([line for line in cost.splitlines() if line.strip()]) <= 40
