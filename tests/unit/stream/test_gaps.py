"""What the running figures say of the trades that did not come."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from data_pipeline.market.stream_records import GapCause, Side
from data_pipeline.market.venue import Venue
from data_pipeline.stream.gaps import ContradictionError, GapWatch
from tests.support.live import OPEN, trade

YESTERDAY = OPEN - timedelta(days=3)


@pytest.fixture
def watch():
    """A watch that has seen the first trade of the session: ten shares."""
    watch = GapWatch()
    assert watch.see(trade(10)) is None
    return watch


def test_trades_in_a_row_leave_no_gap(watch):
    """Each one brings the session from where the last left it to where it says."""
    assert watch.see(trade(20)) is None
    assert watch.see(trade(45, 25, sell_count=3)) is None


def test_a_jump_says_to_the_share_what_was_missed(watch):
    """From 10 to 70 shares with a trade of ten: 50 shares, 5,000 won and five trades did not come."""
    gap = watch.see(trade(70, second=9))
    assert (gap.cause, gap.missed_volume, gap.missed_value, gap.missed_count) == (GapCause.JUMP, 50, 5000, 5)
    assert (gap.volume_after, gap.volume_until, gap.after, gap.until) == (10, 60, OPEN, OPEN + timedelta(seconds=9))
    assert watch.see(trade(80)) is None


def test_a_jump_of_value_or_count_alone_is_a_gap_without_volume(watch):
    """Each of the running figures is compared, and not the volume alone."""
    assert watch.see(trade(20, cumulative_value=2700)).missed_value == 700
    gap = watch.see(trade(30, cumulative_value=3700, sell_count=4))
    assert (gap.missed_volume, gap.missed_count) == (0, 1)


def test_every_reconnect_is_a_gap_even_when_nothing_was_missed(watch):
    """The first trade after the line was down says so, and only the first."""
    watch.line_cut([(Venue.KRX, "005930"), (Venue.KRX, "000660")])
    gap = watch.see(trade(20))
    assert (gap.cause, gap.missed_volume, gap.missed_value, gap.missed_count) == (GapCause.RECONNECT, 0, 0, 0)
    assert watch.see(trade(30)) is None


def test_a_late_start_is_a_gap_from_the_beginning():
    """What traded before the first trade that came is missing, and since when is not known."""
    gap = GapWatch().see(trade(500))
    assert (gap.cause, gap.after, gap.volume_after, gap.volume_until) == (GapCause.START, None, 0, 490)
    assert (gap.missed_value, gap.missed_count) == (49_000, 49)


def test_a_new_session_begins_at_nothing(watch):
    """The running figures of a day have nothing to do with those of the day before."""
    next_day = OPEN + timedelta(days=1)
    assert watch.see(trade(10, traded_at=next_day)) is None
    assert watch.see(trade(40, traded_at=next_day)).session == date(2026, 11, 24)


def test_venues_and_codes_are_counted_apart(watch):
    """A trade of NXT or of another code says nothing of this one."""
    assert watch.see(trade(10, venue=Venue.NXT)) is None
    assert watch.see(trade(10, stock_code="000660")) is None
    assert watch.see(trade(20)) is None


def test_what_is_stored_is_where_a_new_process_goes_on():
    """The newest stored trade stands for all before it, also one that was filled and has no counts."""
    watch = GapWatch()
    filled = {"cumulative_value": None, "side": None, "sell_count": None, "buy_count": None}
    watch.know([trade(100, **filled)])
    gap = watch.see(trade(150))
    assert (gap.cause, gap.missed_volume, gap.missed_value, gap.missed_count) == (GapCause.RECONNECT, 40, None, None)


def test_a_frame_that_comes_twice_is_recognised(watch):
    """The very same trade is a repeat; another one with its running volume is none."""
    watch.see(trade(20))
    assert watch.is_repeat(trade(10))
    assert watch.is_repeat(trade(20))
    assert not watch.is_repeat(trade(20, price=101))
    assert not watch.is_repeat(trade(30))


@pytest.mark.parametrize("later", [trade(5, 5), trade(10, price=101), trade(9, 1), trade(10, traded_at=YESTERDAY)])
def test_totals_that_go_backwards_are_behind(watch, later):
    """A running volume that falls or stays, and a session that is over: what is stored has to tell what it is."""
    assert watch.is_behind(later)
    assert not watch.is_behind(trade(11, 1))


def test_a_total_that_rises_by_less_than_the_trade_contradicts(watch):
    """Ten shares and a trade of twenty cannot come to 25, and the watch stays as it was."""
    with pytest.raises(ContradictionError, match="but it stood at 10"):
        watch.see(trade(25, 20))
    assert watch.see(trade(20)) is None


def test_a_trade_of_an_auction_counts_no_side(watch):
    """Where nobody takes the price, the counts of the sides stay."""
    assert watch.see(trade(20, side=Side.AUCTION, sell_count=1)) is None


def test_a_second_that_goes_back_is_the_venues(watch):
    """Running figures decide; a gap never ends before it begins."""
    watch.see(trade(20, second=9))
    assert watch.see(trade(50, second=8)).after == OPEN + timedelta(seconds=8)
