"""Trades of the synthetic market: the ticks of a tape as records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta

from data_pipeline.market.seoul import SEOUL
from data_pipeline.market.stream_records import Side, Trade
from data_pipeline.market.venue import Venue
from data_pipeline.sources.mock.tape import Tick

DAY_MS = 86_400_000
_SIDES = {1: Side.BUY, -1: Side.SELL, 0: Side.AUCTION}


def trades_of(code: str, session: date, venue: Venue, ticks: Iterable[Tick]) -> Iterator[Trade]:
    """Yield ticks as trades, each in its second, with the running figures that it leaves behind."""
    midnight = datetime.combine(session, time.min, SEOUL)
    for one in ticks:
        yield Trade(
            venue, code, midnight + timedelta(seconds=one.at // 1000), one.price, one.volume, one.cumulative_volume,
            one.cumulative_value, _SIDES[one.taker], one.sells, one.buys, one.sell_volume, one.buy_volume,
            market_class="20", hour_class="0", session_class="2",
        )  # fmt: skip


def milliseconds(moment: datetime) -> int:
    """Return the time of day in Seoul, in milliseconds since midnight."""
    here = moment.astimezone(SEOUL)
    return 1000 * (here.hour * 3600 + here.minute * 60 + here.second) + here.microsecond // 1000
