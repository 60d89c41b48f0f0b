"""A stored session, played as KIS's live stream and received by the service: the same rows out."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.coordination.file import FileStore
from data_pipeline.emulator.process import APP_KEY, APP_SECRET
from data_pipeline.emulator.replay import Replay, serve_replay
from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.exceptions import InvalidRequestError, SyntheticDataRefusedError
from data_pipeline.local.replay import stored_stage
from data_pipeline.local.stream import Reopened
from data_pipeline.market.records import OrderBook, OrderBookLevel
from data_pipeline.market.stream_batch import Batch
from data_pipeline.market.stream_records import StreamKind
from data_pipeline.market.stream_wishes import wishes
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.live import live_keys
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.stream.service import Service
from data_pipeline.warehouse.connect import connect
from tests.support.database import copied
from tests.support.trades_by_hand import DAY, OPEN, made

CODES = ("005930", "000660", "373220", "0001A0", "035420")
SPEED = 600.0
"""Half an hour in three seconds."""
EVENING = datetime(2026, 11, 23, 20, 0, tzinfo=ZoneInfo("Asia/Seoul"))
TRADES = """
    SELECT venue, stock_code, session, cumulative_volume, traded_at, price, volume, cumulative_value, side, sell_count,
        buy_count, sell_volume, buy_volume, ask_price, bid_price, market_class, hour_class, session_class, filled
    FROM market.trade ORDER BY 1, 2, 4
"""
BOOKS = """
    SELECT venue, stock_code, bid_prices, bid_volumes, ask_prices, ask_volumes, total_bid_volume, total_ask_volume,
        stock_name, session
    FROM market.order_book ORDER BY stock_code, venue, observed_at
"""


def book(code, second, depth):
    """A book of so many levels a side."""
    asks = tuple(OrderBookLevel(70_100 + 100 * level, second + level) for level in range(depth))
    bids = tuple(OrderBookLevel(70_000 - 100 * level, second + 7 * level) for level in range(depth))
    at = (OPEN + timedelta(seconds=second)).isoformat()
    return OrderBook(code, "", bids, asks, sum(b.volume for b in bids), sum(a.volume for a in asks), at, Venue.KRX)


@pytest.fixture
def day(database):
    """What the live service stored of five codes, at two venues, with a book every twenty seconds; counts of rows."""
    batch = Batch()
    for code in CODES:
        batch.trades += [*made(code), *(made(code, Venue.NXT) if code == CODES[0] else ())]
        batch.books += [book(code, second, 1 + second // 20 % 10) for second in range(20, 1800, 20)]
    load = StreamLoad(connect(database.url()), "kis", lambda: EVENING)
    load.store(batch)
    load.close()
    return len(batch.trades), len(batch.books)


def received(stage, database, state):
    """Play a stage to the end, with the service listening; return how many records were sent."""
    began = time.monotonic()

    def clock():
        return EVENING + timedelta(seconds=time.monotonic() - began)

    replay, address = Replay(DAY, stage, SPEED), []
    there = threading.Event()
    serving = threading.Thread(target=serve_replay, args=(replay, 0, lambda url: address.append(url) or there.set()))
    serving.start()
    assert there.wait(20)
    settings = KisSettings(APP_KEY, APP_SECRET, base_url=address[0], use_virtual=False)
    sink = Reopened(lambda: StreamLoad(connect(database.url()), settings.source_name, clock))
    wanted = wishes(CODES, [StreamKind.TRADE, StreamKind.BOOK], [Venue.KRX])
    wanted += wishes(CODES[:1], [StreamKind.TRADE], [Venue.NXT])
    store = FileStore(state)
    service = Service(live_keys(settings, store, clock), wanted, sink, store, clock, lambda: False, "test")
    running = threading.Thread(target=service.run)
    running.start()
    serving.join()
    service.stop()
    running.join()
    sink.close()
    return replay.counts[0]


@pytest.mark.slow
def test_the_same_rows_come_out(database, server, day, tmp_path):
    """Five codes: every column of every trade, every level of every book; they say replay and count as made up."""
    with database.connect("reader") as connection:
        stage = stored_stage(connection, DAY, None)
    with copied(server) as other:
        assert received(stage, other, tmp_path / "state") == sum(day)
        assert other.rows(TRADES) == database.rows(TRADES)
        assert other.rows(BOOKS) == database.rows(BOOKS)
        assert len(database.rows(TRADES)) == day[0] == 3600
        assert other.rows(
            "SELECT DISTINCT source, market.is_made_up(source) FROM market.trade"
            " UNION SELECT DISTINCT source, market.is_made_up(source) FROM market.order_book"
        ) == [("replay", True)]
        assert other.rows("SELECT kind FROM market.stream_gap UNION SELECT reason FROM market.rejected_row") == []


def test_a_replay_is_refused_beside_real_rows(database, day):
    """Rows that say replay never stand in the warehouse that they were taken from."""
    load = StreamLoad(connect(database.url()), "replay", lambda: EVENING)
    batch = Batch()
    batch.trades += made(CODES[1], Venue.NXT)[:1]
    with pytest.raises(SyntheticDataRefusedError):
        load.store(batch)
    load.close()
    assert database.rows("SELECT DISTINCT source FROM market.trade") == [("kis",)]


def test_a_day_of_which_nothing_is_stored_is_said(database):
    """Before anything is served."""
    with database.connect("reader") as connection, pytest.raises(InvalidRequestError, match="no trade and no"):
        stored_stage(connection, DAY, None)
