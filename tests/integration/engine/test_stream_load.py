"""Batches of a stream into Postgres: each trade once, what contradicts it in quarantine, nothing half written."""

from dataclasses import replace
from datetime import date, datetime

import psycopg2
import pytest

from data_pipeline.datasets.trade import TRADE
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.retry_quarantine import retry_rows
from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.exceptions import InvalidRequestError, SyntheticDataRefusedError, TransientError
from data_pipeline.loading.coverage.seals import months_to_verify, verify_month
from data_pipeline.market.records import OrderBook, OrderBookLevel
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.stream_batch import Batch
from data_pipeline.market.stream_records import GapCause, Heartbeat, MarketOperation, Side, StreamGap, Trade
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.venue import Venue
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource

DAY = date(2026, 11, 23)
CODE = "005930"


def at(hour, minute, second=0):
    """A moment of the day."""
    return datetime(2026, 11, 23, hour, minute, second, tzinfo=SEOUL)


def trade(volume, total, moment=None, **more):
    """A trade at 71,900 won by which the running volume comes to ``total``."""
    values = {"cumulative_value": total * 71_900, "side": Side.BUY, "sell_count": 4, "buy_count": 6, "sell_volume": 40}
    values |= {"buy_volume": total - 40, "ask_price": 71_900, "bid_price": 71_800}
    values |= {"market_class": "20", "hour_class": "0", "session_class": "2"} | more
    return Trade(Venue.KRX, CODE, moment or at(9, 47, 51), 71_900, volume, total, **values)


FIRST, SECOND = trade(2, 8_305_218), trade(75, 8_305_293)
STORED = (
    "SELECT venue, stock_code, session, cumulative_volume, traded_at, price, volume, side, filled, source"
    " FROM market.trade ORDER BY 1, 2, 3, 4"
)
REFUSED = "SELECT stock_code, session, split_part(reason, ':', 1) FROM market.rejected_row ORDER BY 3"


@pytest.fixture
def load(database):
    """A load of KIS's stream."""
    with database.connect() as connection:
        yield StreamLoad(connection, "kis")


def test_a_batch_is_written_as_it_came(database, load):
    """Two trades of the wire reference: every value, the run that brought them, and what verifying finds, nothing."""
    load.store(Batch(trades=[FIRST, SECOND]))
    load.close()
    first, second = database.rows(STORED)
    assert first == ("KRX", CODE, DAY, 8_305_218, at(9, 47, 51), 71_900, 2, "buy", False, "kis")
    assert second[3:7] == (8_305_293, at(9, 47, 51), 71_900, 75)
    runs = database.rows(
        "SELECT dataset, task_id, first, last, status, rows_inserted, rows_rejected FROM market.ingest_run"
    )
    assert runs == [("trade", "stream", DAY, DAY, "success", 2, 0)]
    with database.connect("reader") as connection:
        verified = [verify_month(connection, month) for month in months_to_verify(connection, ["trade"])]
    assert [(one.rows, one.findings) for one in verified] == [(2, ())]


def test_the_same_again_changes_nothing(database, load):
    """Handed over twice, in one batch and in another, by this process and by the next one."""
    load.store(Batch(trades=[FIRST, FIRST, SECOND]))
    before = database.rows("SELECT * FROM market.trade ORDER BY cumulative_volume")
    load.store(Batch(trades=[FIRST, SECOND]))
    load.close()
    with database.connect() as connection:
        again = StreamLoad(connection, "kis")
        again.store(Batch(trades=[SECOND, FIRST]))
        again.close()
    assert database.rows("SELECT * FROM market.trade ORDER BY cumulative_volume") == before
    counts = "SELECT rows_inserted, rows_unchanged, rows_rejected FROM market.ingest_run ORDER BY run_id"
    assert database.rows(counts) == [(2, 3, 0), (0, 2, 0)]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (replace(SECOND, price=72_000), "duplicate"),
        (replace(SECOND, buy_count=7), "duplicate"),
        (trade(1, 8_305_250), "counter"),
        (trade(1, 8_305_299, datetime(2026, 11, 22, 10, 0, tzinfo=SEOUL)), "day"),
        (trade(1, 8_305_299, datetime(2026, 12, 2, 10, 0, tzinfo=SEOUL)), "future"),
    ],
)
def test_what_contradicts_is_quarantined(database, load, wrong, reason):
    """The same key with other values, a running volume that goes back, a closed day, the future; the rest is stored."""
    load.store(Batch(trades=[FIRST, SECOND]))
    load.store(Batch(trades=[wrong, trade(5, 8_305_300)]))
    assert [row[3] for row in database.rows(STORED)] == [8_305_218, 8_305_293, 8_305_300]
    assert database.rows(REFUSED) == [(CODE, wrong.session, reason)]


def test_a_trade_in_quarantine_is_tried_again_in_vain(database, load):
    """Its counters contradict it, whatever the checks say later: it stays, with its reason, and nothing is stored."""
    load.store(Batch(trades=[FIRST, SECOND]))
    load.store(Batch(trades=[replace(SECOND, price=72_000)]))
    before = database.rows("SELECT * FROM market.trade ORDER BY cumulative_volume")
    with database.connect() as connection:
        assert retry_rows(connection)["refused"] == 1
    assert database.rows(REFUSED) == [(CODE, DAY, "duplicate")]
    assert database.rows("SELECT * FROM market.trade ORDER BY cumulative_volume") == before


def test_no_window_of_trades_is_loaded(load, connection):
    """A source's own trades of a session would be written over live ones, which tell more."""
    with pytest.raises(InvalidRequestError, match="trade comes by itself, out of the stream"):
        load_window(connection, MockDataSource(), TRADE, Window((CODE,), DAY, DAY), Run())


def test_a_trade_that_was_asked_for_later_and_came_is_one(database, load):
    """Its second, price and shares are the same; that it tells less is no contradiction."""
    load.store(Batch(trades=[replace(FIRST, side=None, sell_count=None, cumulative_value=None, filled=True)]))
    load.store(Batch(trades=[FIRST, SECOND]))
    assert [row[3] for row in database.rows(STORED)] == [8_305_218, 8_305_293]
    assert database.rows(REFUSED) == []


def test_venues_are_kept_apart(database, load):
    """The same code and running volume at KRX and at NXT are two trades."""
    load.store(Batch(trades=[FIRST, replace(FIRST, venue=Venue.NXT)]))
    assert [row[0] for row in database.rows(STORED)] == ["KRX", "NXT"]


def test_it_goes_on_where_the_last_one_ended(database, load):
    """The last trade of each code is told, whole; codes that nothing came of have none."""
    load.store(Batch(trades=[FIRST, SECOND]))
    with database.connect() as connection:
        assert StreamLoad(connection, "kis").last_trades(DAY) == [SECOND]
        assert StreamLoad(connection, "kis").last_trades(date(2026, 11, 24)) == []


def test_gaps_are_named_by_what_the_counters_say(database, load):
    """A jump is open; volume without a count is an auction's around the open and a block's later; none is over."""
    gap = StreamGap(Venue.KRX, CODE, DAY, GapCause.JUMP, at(10, 0), at(10, 1), 100, 150, 3_595_000, 3)
    auction = StreamGap(Venue.KRX, CODE, DAY, GapCause.START, None, at(9, 0, 14), 0, 90, None, 0)
    block = replace(gap, volume_after=200, volume_until=260, missed_count=0)
    nothing = replace(gap, cause=GapCause.RECONNECT, volume_after=300, volume_until=300, missed_count=0, missed_value=0)
    load.store(Batch(gaps=[gap, auction, block, nothing]))
    load.store(Batch(gaps=[gap]))
    columns = "volume_after, kind, status, missed_volume, unprinted_volume, open_volume"
    assert database.rows(f"SELECT {columns} FROM market.stream_gap ORDER BY 1") == [
        (0, "auction", "filled", 90, 90, 0), (100, "jump", "open", 50, 0, 50),
        (200, "block", "filled", 60, 60, 0), (300, "reconnect", "filled", 0, 0, 0),
    ]  # fmt: skip


def test_books_beats_operations_and_refused_records_have_their_tables(database, load):
    """Books of two venues at one moment are two, the last of two at one moment stays, and a beat replaces another."""
    bids = (OrderBookLevel(71_800, 5),)
    book = OrderBook(CODE, "", bids, (), 5, 0, "2026-11-23T10:00:00.000001+09:00")
    halt = MarketOperation(Venue.KRX, CODE, at(10, 0), halted=True, phase="112")
    refused = Rejection({"ACML_VOL": "-"}, "field ACML_VOL is no number", CODE, DAY, "H0STCNT0")
    books = [replace(book, total_bid_volume=4), book, replace(book, venue=Venue.NXT)]
    load.store(Batch(books=books, operations=[halt], refused=[refused]))
    for queue in (7, 0):
        load.beat(Heartbeat("host:1", "a1b2c3d4", at(10, 0), 0.02, queue, "up", ("trade of 005930 (KRX)",), 1, (), 0))
    assert database.rows("SELECT venue, total_bid_volume FROM market.order_book ORDER BY 1") == [("KRX", 5), ("NXT", 5)]
    assert database.rows("SELECT venue, halted, phase FROM market.market_operation") == [("KRX", True, "112")]
    assert database.rows("SELECT origin, reason FROM market.rejected_row") == [("H0STCNT0", refused.reason)]
    assert database.rows("SELECT host, queue, placed, registered, rest, rest_count FROM market.stream_heartbeat") == [
        ("host:1", 0, ["trade of 005930 (KRX)"], 1, [], 0)
    ]


def test_a_batch_that_fails_leaves_nothing(database, load):
    """A made-up trade for a warehouse of real ones: neither it nor the gap beside it is written."""
    load.store(Batch(trades=[FIRST]))
    gap = StreamGap(Venue.KRX, CODE, DAY, GapCause.JUMP, at(10, 0), at(10, 1), 100, 150)
    with database.connect() as connection:
        other = StreamLoad(connection, "mock")
        with pytest.raises(SyntheticDataRefusedError):
            other.store(Batch(trades=[SECOND], gaps=[gap]))
    assert len(database.rows(STORED)) == 1
    assert database.rows("SELECT FROM market.stream_gap") == []


def test_a_warehouse_that_was_away_takes_the_same_batch_later(database, load):
    """Its session is ended; the batch fails as transient, and is there once when it is handed over again."""
    load.store(Batch(trades=[FIRST]))
    with database.connect("admin") as admin, admin, admin.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            (database.name,),
        )
    with pytest.raises(TransientError):
        load.store(Batch(trades=[SECOND]))
    load.store(Batch(trades=[SECOND]))
    assert [row[3] for row in database.rows(STORED)] == [8_305_218, 8_305_293]


def test_a_reader_cannot_write_trades(database):
    """The role for reading sees the tables of the stream and changes none."""
    with database.connect("reader") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM market.trade, market.stream_gap, market.stream_heartbeat, market.stream_watch")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("INSERT INTO market.stream_watch VALUES ('2026-11-23', 'KRX', '005930')")
