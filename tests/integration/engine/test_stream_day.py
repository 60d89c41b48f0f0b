"""A day of trades by hand, received with drops, filled, and proved: it equals its minutes and its daily bar."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.stream_day import health, is_proven, open_day, prove_trades, require_settled
from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.loading.coverage.proofs import contradictions
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import DailyBar
from data_pipeline.market.stream_batch import Batch
from data_pipeline.market.stream_records import Heartbeat
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.venue import Venue
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource
from tests.support.tables import DAILY_BAR
from tests.support.trades_by_hand import (
    AUCTION,
    BLOCK,
    CODES,
    DAY,
    GAPS,
    OPEN,
    PROOF,
    RUN,
    STORED,
    Rest,
    as_stored,
    day_of,
    fill,
    made,
    receive,
    store_bars,
)


def test_a_day_with_drops_equals_its_minutes_and_its_day(database):
    """Two codes, a third of the trades lost in six cuts: filled, every cell of every minute and of the day is right."""
    first, second = made(CODES[0]), made(CODES[1])
    lost = {*range(10), *range(100, 180), *range(300, 301), *range(420, 520)}
    with database.connect() as connection:
        open_day(connection, DAY, CODES)
        receive(connection, first, lost).close()
    with database.connect() as connection:
        receive(connection, second, {*range(50, 60)}).close()
    assert len(database.rows(STORED)) == 1200 - len(lost) - 10
    store_bars(database, first, second)
    found = fill(database, Rest(first, second))
    assert (found.gaps, found.filled, found.open, found.trades, found.volume) == (5, 5, 0, len(lost) + 10, 0)
    assert database.rows(STORED) == as_stored(first, second)
    made_minutes = database.rows(
        "SELECT stock_code, date_trunc('minute', traded_at), (array_agg(price ORDER BY cumulative_volume))[1],"
        " max(price), min(price), (array_agg(price ORDER BY cumulative_volume DESC))[1], sum(volume),"
        " sum(price * volume) FROM market.trade GROUP BY 1, 2 ORDER BY 1, 2"
    )
    stored = "SELECT stock_code, at, open, high, low, close, volume, trading_value FROM market.minute_bar ORDER BY 1, 2"
    assert made_minutes == database.rows(stored)
    with database.connect() as connection:
        proved = prove_trades(connection, "kis", DAY, RUN)
        require_settled(proved, DAY)
        assert is_proven(connection, DAY)
        assert list(contradictions(connection, "trade", DAY, DAY)) == []
        (counted,) = coverage(connection, DAY, DAY, "trade")
    assert (counted.expected, counted.loaded, counted.missing) == (2, 2, 0)
    figures = {code: (state, rows, told["minutes"]) for code, state, _, rows, told in database.rows(PROOF)}
    assert figures == dict.fromkeys(sorted(CODES), ("whole", 600, {"compared": 30, "differing": 0}))


@pytest.mark.slow
def test_a_day_of_the_synthetic_market_equals_its_minutes_and_its_day(database):
    """Two issues, a fifth of their trades lost in forty cuts: after filling, every minute and the day are right."""
    source = MockDataSource(clock=lambda: datetime(2026, 11, 23, 20, 30, tzinfo=SEOUL))
    codes = ["0034J0", "0001A0"]
    window = Window(tuple(codes), DAY, DAY)
    with database.connect() as connection:
        open_day(connection, DAY, codes)
        for dataset in (DATASETS["daily_bar"], DATASETS["minute_bar"]):
            load_window(connection, source, dataset, window, Run())
    days = [list(source.trades([code], DAY, DAY)) for code in codes]
    lost = {place for begin in range(0, 4_000, 100) for place in range(begin, begin + 20)}
    for day in days:
        with database.connect() as connection:
            receive(connection, day, lost, "mock").close()
    filled = fill(database, source)
    assert (filled.gaps, filled.filled, filled.trades) == (80, 80, 2 * len(lost))
    assert database.rows(STORED) == as_stored(*days)
    with database.connect() as connection:
        require_settled(prove_trades(connection, "mock", DAY, RUN), DAY)
    minutes = dict(database.rows("SELECT stock_code, count(*) FROM market.minute_bar GROUP BY 1"))
    told = {code: (state, found["minutes"]) for code, state, _, _, found in database.rows(PROOF)}
    assert told == {code: ("whole", {"compared": minutes[code], "differing": 0}) for code in codes}
    volumes = "SELECT stock_code, volume FROM market.daily_bar ORDER BY 1"
    assert database.rows(volumes) == sorted((day[0].stock_code, day[-1].cumulative_volume) for day in days)


def test_what_was_never_printed_is_told_by_kind(database):
    """5,000 shares of the opening auction and a block of 700 in a gap: no print of either, and the day is whole."""
    day = made(CODES[0], auction=AUCTION, block_after=200)
    with database.connect() as connection:
        open_day(connection, DAY, CODES[:1])
        receive(connection, day, {*range(190, 210)})
    lost = sum(one.volume for one in day[190:210])
    assert database.rows(GAPS) == [
        ("auction", "filled", AUCTION, 0, AUCTION, 0), ("reconnect", "open", lost + BLOCK, 0, 0, lost + BLOCK),
    ]  # fmt: skip
    fill(database, Rest(day))
    assert database.rows(GAPS)[1] == ("reconnect", "filled", lost + BLOCK, lost, BLOCK, 0)
    with database.connect() as connection:
        prove_trades(connection, "kis", DAY, RUN)
    ((_, state, _, rows, told),) = database.rows(PROOF)
    assert (state, rows, told["krx"]["auction"], told["krx"]["beside"]) == ("whole", 600, AUCTION, BLOCK)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"high": 70_500, "close": 70_500},
            "KRX traded at 70,000 to 70,600 won, and the daily bar at 70,000 to 70,500",
        ),
        ({"volume": 5_395}, "KRX traded 5,396 shares by its counter, and the daily bar has 5,395"),
    ],
)
def test_a_daily_bar_that_is_too_narrow_is_a_doubt(database, change, said):
    """Of 600 trades at 70,000 to 70,600 won, 35 x 153 + 41 shares: high, low and volume of the day are bounds."""
    day = made(CODES[0])
    assert day[-1].cumulative_volume == 5_396
    with database.connect() as connection:
        open_day(connection, DAY, CODES[:1])
        receive(connection, day)
        upsert(connection, DAILY_BAR, [replace(day_of(day), **change)], "kis")
        connection.commit()
        prove_trades(connection, "kis", DAY, RUN)
    ((_, state, why, *_),) = database.rows(PROOF)
    assert (state, why) == ("doubted", said)


def test_a_minute_that_is_not_the_stored_one_is_a_doubt(database):
    """One share more in a proved minute than its trades have."""
    day = made(CODES[0])
    with database.connect() as connection:
        open_day(connection, DAY, CODES[:1])
        receive(connection, day)
    store_bars(database, day)
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.minute_bar SET volume = volume + 1 WHERE at = %s", (OPEN + timedelta(minutes=5),))
    with database.connect() as connection:
        prove_trades(connection, "kis", DAY, RUN)
    ((_, state, why, *_),) = database.rows(PROOF)
    assert (state, why) == ("doubted", "1 of 30 minutes are not those stored, the first at 09:05")


def test_a_code_that_did_not_trade_is_empty_by_its_bar_and_missing_without_one(database):
    """Nothing came of two codes: the daily bar of one says that nothing was traded, nobody says so of the other."""
    with database.connect() as connection:
        open_day(connection, DAY, CODES)
        upsert(connection, DAILY_BAR, [DailyBar(CODES[0], DAY, 0, 0, 0, 70_000, 0, 0, 0)], "kis")
        connection.commit()
        proved = prove_trades(connection, "kis", DAY, RUN)
        assert (proved.empty, proved.missing, proved.settled) == (1, 1, False)
        (counted,) = coverage(connection, DAY, DAY, "trade")
    assert (counted.expected, counted.known_empty, counted.missing) == (2, 1, 1)


def test_both_venues_beside_the_unified_feed_are_reported(database):
    """KRX and NXT come to 10,792 shares and the unified feed to 5,396: written down, and no doubt."""
    venues = [made(CODES[0], venue) for venue in Venue]
    with database.connect() as connection:
        for day in venues:
            receive(connection, day)
        prove_trades(connection, "kis", DAY, RUN)
    ((_, state, _, rows, told),) = database.rows(PROOF)
    assert (state, rows, told["unified_minus_both"]) == ("whole", 1800, -5_396)


def test_a_proof_whose_trades_are_gone_is_contradicted(database):
    """A trade that was deleted after the proof is named."""
    day = made(CODES[0])
    with database.connect() as connection:
        open_day(connection, DAY, CODES[:1])
        receive(connection, day)
        prove_trades(connection, "kis", DAY, RUN)
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("DELETE FROM market.trade WHERE cumulative_volume = %s", (day[5].cumulative_volume,))
    with database.connect() as connection:
        (found,) = contradictions(connection, "trade", DAY, DAY)
    assert found.problem == "599 trades are stored, and 600 were proved to be whole"


def test_health_is_a_sign_of_life(database):
    """No line: nobody runs it. One that beats: it is up. What was streamed this week: used, and no line is up."""
    with database.connect() as connection:
        assert health(connection)[:2] == (False, 0)
        load = StreamLoad(connection, "kis")
        load.store(Batch(trades=made(CODES[0])[:1]))
        assert health(connection) == (True, 0, "no line gave a sign of life in the last 30 seconds")
        load.beat(Heartbeat("host:1", "a1b2c3d4", OPEN, None, 0, "up"))
        assert health(connection) == (True, 1, "host:1 with key a1b2c3d4 is up")
