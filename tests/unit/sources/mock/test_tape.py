"""The trades of the synthetic market are its minutes and its day, told one by one."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings

from data_pipeline.market.records import MinuteBar
from data_pipeline.market.venue import Venue
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.sources.mock.prints import minute_prints
from tests.support.mock_days import codes, seoul, sessions

TODAY = date(2026, 11, 20)
WHOLE_DAY = (0, 24 * 3600 * 1000)
OPEN, CLOSE = 9 * 3600 * 1000, (15 * 3600 + 30 * 60) * 1000


def bars_of(ticks):
    """The minutes that trades add up to, by their start in milliseconds."""
    minutes = defaultdict(list)
    for one in ticks:
        minutes[one.at // 60_000 * 60_000].append(one)
    return {
        start: (
            *(part[0].price, max(one.price for one in part), min(one.price for one in part), part[-1].price),
            *(sum(one.volume for one in part), sum(one.volume * one.price for one in part)),
        )
        for start, part in minutes.items()
    }


@pytest.mark.thorough
@settings(max_examples=40, deadline=None)
@given(codes, sessions)
def test_trades_add_up_to_minutes_and_day(market: SyntheticMarket, code: str, session: date) -> None:
    """Open, high, low, close, volume and value of each minute, the closing auction's too, and so of the day."""
    ticks = market.tape(code, session).between(*WHOLE_DAY)
    bars = market.minute_bars(code, session)
    midnight = seoul(session, 0, 0)
    assert bars_of(ticks) == {
        int((bar.at - midnight) / timedelta(milliseconds=1)): (
            *(bar.open, bar.high, bar.low, bar.close),
            *(bar.volume, bar.trading_value),
        )
        for bar in bars
    }
    if ticks:
        assert ticks[-1].cumulative_volume == sum(bar.volume for bar in bars)


@pytest.mark.parametrize("venue", list(Venue))
def test_running_figures_rise_by_each_trade(market: SyntheticMarket, venue: Venue) -> None:
    """Volume and value by the trade, one count and one side's volume by it too, and nothing by an auction's side."""
    ticks = market.tape("005930", TODAY, venue).between(OPEN, OPEN + 300_000)
    assert len(ticks) > 300
    for before, now in pairwise(ticks):
        assert before.at <= now.at
        assert now.cumulative_volume - before.cumulative_volume == now.volume > 0
        assert now.cumulative_value - before.cumulative_value == now.volume * now.price
        assert (now.buys - before.buys, now.sells - before.sells) == (now.taker == 1, now.taker == -1)
        sides = now.buy_volume - before.buy_volume, now.sell_volume - before.sell_volume
        assert sides == (now.volume * (now.taker == 1), now.volume * (now.taker == -1))
        assert now.low[0] <= now.price <= now.high[0]


@pytest.mark.thorough
def test_auctions_have_no_side(market: SyntheticMarket) -> None:
    """The first trade and the last; their shares are in the running volume and in neither side's."""
    ticks = market.tape("005930", TODAY).between(*WHOLE_DAY)
    assert [one.at for one in ticks if one.taker == 0] == [OPEN, CLOSE]
    last = ticks[-1]
    assert last.cumulative_volume - last.sell_volume - last.buy_volume == ticks[0].volume + last.volume
    day = market.daily_bar("005930", TODAY)
    assert day is not None
    assert (last.cumulative_volume, last.cumulative_value) == (25_483_920, day.trading_value)


def test_the_open_is_busy_and_trades_come_together(market: SyntheticMarket) -> None:
    """About seventeen a second in the first minute, many at the same moment, and fewer at noon."""
    tape = market.tape("005930", TODAY)
    first, noon = (tape.between(start, start + 60_000) for start in (OPEN, OPEN + 3 * 3600_000))
    assert 600 < len(first) <= 1200
    assert 10 < len(noon) < len(first) // 5
    together = [now.volume for before, now in pairwise(first) if now.at == before.at]
    assert 0.3 < sum(together) / sum(one.volume for one in first) < 0.9


@pytest.mark.thorough
def test_any_part_can_be_read_first(market: SyntheticMarket) -> None:
    """The afternoon alone is the afternoon of the whole, and from the end backwards it is the same."""
    whole = market.tape("0001A0", TODAY).between(*WHOLE_DAY)
    noon = 12 * 3600 * 1000
    assert market.tape("0001A0", TODAY).between(noon, WHOLE_DAY[1]) == [one for one in whole if one.at >= noon]
    assert market.tape("0001A0", TODAY).before(noon, 30) == [one for one in whole if one.at < noon][:-31:-1]
    assert market.tape("0001A0", TODAY).before(OPEN, 30) == []


def test_the_unified_tape_is_both(market: SyntheticMarket) -> None:
    """The exchange's trades and the alternative venue's, by time."""
    krx, nxt, both = (market.tape("005930", TODAY, venue).between(OPEN, OPEN + 60_000) for venue in Venue)
    told = sorted((one.at, one.price, one.volume, one.taker) for one in (*krx, *nxt))
    assert sorted((one.at, one.price, one.volume, one.taker) for one in both) == told
    assert len(nxt) > 10


@pytest.mark.parametrize(
    ("prices", "volume", "value"),
    [
        ((100, 100, 100, 100), 8, 800),
        ((101, 103, 100, 102), 8, 101 + 103 + 100 + 102 + 4 * 100),
        ((101, 103, 100, 102), 8, 101 + 103 + 100 + 102 + 4 * 103),
        ((12_680, 12_680, 12_670, 12_680), 50, 633_521),
        ((12_680, 12_680, 12_670, 12_680), 50, 633_989),
    ],
)
def test_the_tightest_minutes_have_trades(prices: tuple[int, ...], volume: int, value: int) -> None:
    """A minute whose value lies at an end of what its prices allow."""
    opened, high, low, close = prices
    bar = MinuteBar("005930", seoul(TODAY, 9, 1), opened, high, low, close, volume, value)
    for seed in range(50):
        found = minute_prints(seed, bar, 40, 1)
        told = [one.price for one in found]
        assert (told[0], max(told), min(told), told[-1]) == prices
        assert (sum(one.volume for one in found), sum(one.volume * one.price for one in found)) == (volume, value)
