"""A stored session is played as it was: reader and writer of the stream give the same trades and books back."""

from __future__ import annotations

from datetime import datetime, timedelta

from data_pipeline.emulator.clock import MarketClock
from data_pipeline.emulator.kis.stream.desk import StreamDesk
from data_pipeline.emulator.kis.stream.faults import StreamFaults
from data_pipeline.emulator.kis.stream.records import feed_names
from data_pipeline.emulator.kis.stream.stored import StoredStage
from data_pipeline.emulator.kis.stream.talk import Talk
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.records import OrderBook, OrderBookLevel
from data_pipeline.market.stream_records import Trade
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.parse_live import record_of
from data_pipeline.sources.kis.stream.frame import Records, read_frame
from tests.support.live_emulator import APP_KEY, NINE, SESSION, TRADES, House, Ticker

EVENING = datetime(2026, 11, 20, 20, 0, tzinfo=SEOUL)


BOOK = OrderBook(
    "005930", "", tuple(OrderBookLevel(70_000 - 100 * nth, 10 + nth) for nth in range(10)),
    tuple(OrderBookLevel(70_100 + 100 * nth, 20 + nth) for nth in range(7)), 145, 161,
    (NINE + timedelta(seconds=1, milliseconds=300)).isoformat(),
)  # fmt: skip


def played(stage: StoredStage, *registrations: tuple[str, str]):
    """What a reader makes of the whole session, at a hundred times its speed."""
    ticker = Ticker(1000.0)
    clock = MarketClock(NINE - timedelta(seconds=2), rate=100, wall=lambda: NINE, monotonic=ticker)
    house = House()
    desk, faults = StreamDesk(ticker), StreamFaults()
    house.approval = desk.approve(APP_KEY)
    talk = Talk(desk, stage, clock, faults, feed_names(virtual=False))
    for tr_id, key in registrations:
        talk.hear(house.command(tr_id, key))
    found = []
    for _ in range(2_400):
        for text in talk.due():
            assert isinstance(text, str)
            frame = read_frame(text)
            if not isinstance(frame, Records):
                if frame.is_heartbeat:
                    talk.pong(text.encode())
            else:
                found += [record_of(frame.feed, row, EVENING) for row in frame.rows]
        ticker.now += 0.1
    return found


def test_the_same_trades_come_out():
    """Of each registered venue and code, in their order, with everything that was kept of them."""
    found = played(StoredStage(SESSION, TRADES), ("H0STCNT0", "005930"), ("H0NXCNT0", "Q500001"))
    assert [one for one in found if one.venue is Venue.KRX] == [one for one in TRADES if one.venue is Venue.KRX]
    assert [one for one in found if one.venue is Venue.NXT] == [one for one in TRADES if one.venue is Venue.NXT]


def test_what_was_asked_for_later_has_figures_that_go_on():
    """Its value and counts are those of the trade before it, and nobody took its price."""
    later = Trade(Venue.KRX, "005930", NINE + timedelta(seconds=3), 70_100, 2, 42, filled=True)
    (*_, last) = played(StoredStage(SESSION, [*TRADES[:22], later]), ("H0STCNT0", "005930"))
    assert (last.cumulative_volume, last.cumulative_value, last.side) == (42, 2_940_200, None)
    assert (last.sell_count, last.buy_count) == (1, 40)


def test_the_same_books_come_out():
    """Their levels and totals; the moment is that of their receipt."""
    (found,) = played(StoredStage(SESSION, TRADES, [BOOK]), ("H0STASP0", "005930"))
    assert (found.bid_levels, found.ask_levels) == (BOOK.bid_levels, BOOK.ask_levels)
    assert (found.total_bid_volume, found.total_ask_volume, found.observed_at) == (145, 161, EVENING)


def test_what_is_not_stored_cannot_be_registered():
    """Neither another code, nor does another feed bring anything."""
    assert StoredStage(SESSION, TRADES).instrument("000660", SESSION) is None
    assert played(StoredStage(SESSION, TRADES), ("H0STANC0", "005930"), ("H0UNCNT0", "005930")) == []


def test_the_hours_of_a_stored_session():
    """From its first record to its last."""
    assert StoredStage(SESSION, TRADES, [BOOK]).hours == (9 * 3_600_000, (9 * 3_600 + 23_400) * 1_000)
