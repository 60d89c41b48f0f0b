"""A day of trades by hand, received with drops, filled, and proved: it equals its minutes and its daily bar."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from psycopg2.extras import Json

from data_pipeline.engine.gap_filling import fill_gaps
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.stream_day import health, is_proven, open_day, prove_trades, require_settled
from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.exceptions import IncompleteDataError, QueueTimeoutError
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.loading.coverage.noted import note_proofs
from data_pipeline.loading.coverage.proofs import contradictions, explained
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import DailyBar, MinuteBar
from data_pipeline.market.stream_records import Heartbeat, Side, Trade
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.trades import Trades
from data_pipeline.stream.gaps import GapWatch
from data_pipeline.stream.writer import Batch
from tests.support.tables import DAILY_BAR, MINUTE_BAR

DAY = date(2026, 11, 23)
OPEN = datetime(2026, 11, 23, 9, 0, tzinfo=SEOUL)
CODES = ("005930", "000660")
RUN = Run("stream_day", "fill_gaps", "scheduled__1")
AUCTION, BLOCK = 5_000, 700


def made(code: str, venue: Venue = Venue.KRX, *, auction: int = 0, block_after: int | None = None) -> list[Trade]:
    """A trade every three seconds of half an hour, 1 to 17 shares at 70,000 to 70,600 won.

    Before the first one ``auction`` shares changed hands without a print, after the trade ``block_after`` a block did.
    """
    base = 70_000 if code == CODES[0] else 180_000
    trades: list[Trade] = []
    total, value, counts, sold, bought = auction, auction * base, [0, 0], 0, 0
    for place in range(600):
        volume, price, selling = 1 + place * 7 % 17, base + 100 * (place * 5 % 7), place % 3 == 0
        if place - 1 == block_after:
            total, value = total + BLOCK, value + BLOCK * price
        total, value = total + volume, value + volume * price
        counts[selling] += 1
        sold, bought = sold + volume * selling, bought + volume * (not selling)
        trades.append(
            Trade(
                venue, code, OPEN + timedelta(seconds=3 * place), price, volume, total, value,
                Side.SELL if selling else Side.BUY, counts[True], counts[False], sold, bought, price, price - 100, "20",
                "0", "2",
            )
        )  # fmt: skip
    return trades


class Rest:
    """KIS's REST over the same trades, thirty a call; refuses when the budget is wanted elsewhere."""

    name = "kis"

    def __init__(self, *days: list[Trade]) -> None:
        self.trades = [one for day in days for one in day]
        self.requests_sent = 0
        self.busy_after: int | None = None
        self.walks = Trades(self._call, krx_calendar(), virtual=False)

    def trades_between(self, stock_code, venue, since, until, above=0):
        return self.walks.between(stock_code, venue, since, until, above)

    def _call(self, endpoint, params, subject) -> Answer:
        if self.busy_after is not None and self.requests_sent >= self.busy_after:
            raise QueueTimeoutError("others want it")
        self.requests_sent += 1
        venue = {"J": Venue.KRX, "NX": Venue.NXT, "UN": Venue.UNIFIED}[params["FID_COND_MRKT_DIV_CODE"]]
        rows = [
            {
                "stck_cntg_hour": f"{one.traded_at:%H%M%S}", "stck_prpr": str(one.price), "cnqn": str(one.volume),
                "acml_vol": str(one.cumulative_volume), "askp": "0", "bidp": "0",
            }
            for one in self.trades
            if (one.venue, one.stock_code) == (venue, subject)
            and f"{one.traded_at:%H%M%S}" <= params["FID_INPUT_HOUR_1"]
        ]  # fmt: skip
        return Answer(f"KIS {endpoint.name}", {"output2": rows[::-1][:30]}, OPEN + timedelta(hours=11))


def minutes_of(trades: list[Trade]) -> list[MinuteBar]:
    """The bars of a list of trades, worked out one by one."""
    found = defaultdict(list)
    for one in trades:
        found[one.traded_at.replace(second=0)].append(one)
    return [
        MinuteBar(
            some[0].stock_code, at, some[0].price, max(one.price for one in some), min(one.price for one in some),
            some[-1].price, sum(one.volume for one in some), sum(one.price * one.volume for one in some),
        )
        for at, some in found.items()
    ]  # fmt: skip


def day_of(trades: list[Trade], later: int = 0) -> DailyBar:
    """The day's bar; ``later`` shares were traded after the close."""
    prices = [one.price for one in trades]
    last = trades[-1]
    return DailyBar(
        last.stock_code, DAY, prices[0], max(prices), min(prices), prices[-1], last.cumulative_volume + later,
        (last.cumulative_value or 0) + later * prices[-1], 100,
    )  # fmt: skip


def receive(connection, trades, lost=()) -> StreamLoad:
    """Hand trades over in batches of fifty, but for the places that are lost; the line was cut where any is."""
    load, watch = StreamLoad(connection, "kis"), GapWatch()
    watch.know(load.last_trades(DAY))
    for start in range(0, len(trades), 50):
        batch = Batch()
        for place in range(start, min(start + 50, len(trades))):
            if place in lost:
                watch.line_cut([(trades[place].venue, trades[place].stock_code)])
                continue
            if (gap := watch.see(trades[place])) is not None:
                batch.gaps.append(gap)
            batch.trades.append(trades[place])
        load.store(batch)
    return load


def store_bars(database, *days: list[Trade]) -> None:
    """The minutes and days as REST would bring them, the minutes with their proof."""
    with database.connect() as connection:
        for trades in days:
            minutes = minutes_of(trades)
            upsert(connection, MINUTE_BAR, minutes, "kis")
            upsert(connection, DAILY_BAR, [day_of(trades)], "kis")
            with connection.cursor() as cursor:
                said = ("whole", "by hand", Json({"volume": sum(one.volume for one in minutes)}), len(minutes))
                note_proofs(cursor, "minute_bar", [((trades[0].stock_code, DAY), said)], "kis", None)
        connection.commit()


STORED = """
    SELECT stock_code, traded_at, price, volume, cumulative_volume FROM market.trade WHERE venue = 'KRX'
    ORDER BY stock_code, cumulative_volume
"""
GAPS = """
    SELECT kind, status, missed_volume, filled_volume, unprinted_volume, open_volume FROM market.stream_gap
    ORDER BY volume_after
"""
PROOF = "SELECT stock_code, state, proof, rows, figures FROM market.proof WHERE dataset = 'trade' ORDER BY 1"


def as_stored(*days):
    """Trades as ``STORED`` tells them."""
    return sorted(
        (one.stock_code, one.traded_at, one.price, one.volume, one.cumulative_volume) for day in days for one in day
    )


def fill(database, rest, **more):
    """One pass over the gaps."""
    with database.connect() as connection:
        return fill_gaps(connection, rest, DAY, RUN, **more)


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


def test_filling_again_changes_nothing(database):
    """A second pass finds no gap that is open and sends nothing; the rows stay as they are."""
    day = made(CODES[0])
    with database.connect() as connection:
        receive(connection, day, {*range(100, 130)})
    rest = Rest(day)
    fill(database, rest)
    rows, sent = database.rows("SELECT * FROM market.trade ORDER BY cumulative_volume"), rest.requests_sent
    assert fill(database, rest) == (0, 0, 0, 0, 0, 0, 0)
    assert (database.rows("SELECT * FROM market.trade ORDER BY cumulative_volume"), rest.requests_sent) == (rows, sent)


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


def test_a_second_that_cannot_be_paged_stays_a_named_gap(database):
    """Of fifty trades in one second thirty are told: twenty and their shares stay lacking, to the share."""
    day = made(CODES[0])
    busy = [replace(one, traded_at=day[100].traded_at) if 100 <= place < 150 else one for place, one in enumerate(day)]
    with database.connect() as connection:
        open_day(connection, DAY, CODES[:1])
        receive(connection, busy, {*range(100, 150)})
    rest = Rest(busy)
    lacking = sum(one.volume for one in busy[100:120])
    first = fill(database, rest)
    assert (first.filled, first.open, first.trades, first.volume) == (0, 1, 30, lacking)
    assert fill(database, rest, last_call=True).unfillable == 1
    ((kind, status, *_, open_volume),) = database.rows(GAPS)
    assert (kind, status, open_volume) == ("reconnect", "unfillable", lacking)
    with database.connect() as connection:
        proved = prove_trades(connection, "kis", DAY, RUN)
        with pytest.raises(IncompleteDataError, match="0 codes are whole, 0 empty, 1 doubted and 0 without any"):
            require_settled(proved, DAY)
        assert not is_proven(connection, DAY)
        said = " ".join(explained(connection, CODES[0], DAY))
        assert f"KRX lacks {lacking:,} shares, as its gaps say" in said
        (counted,) = coverage(connection, DAY, DAY, "trade")
    assert (counted.loaded, counted.unproven) == (0, 1)


def test_the_largest_gap_goes_first_and_a_busy_budget_leaves_the_rest(database):
    """Nobody leaves a slot after three calls: the gap of eighty trades is filled, that of ten stays open."""
    day = made(CODES[0])
    with database.connect() as connection:
        receive(connection, day, {*range(50, 60), *range(300, 380)})
    rest = Rest(day)
    rest.busy_after = 3
    found = fill(database, rest)
    assert (found.filled, found.open) == (1, 1)
    assert [row[1] for row in database.rows(GAPS)] == ["open", "filled"]
    rest.busy_after = None
    assert fill(database, rest).filled == 1
    assert database.rows(STORED) == as_stored(day)


def test_a_fill_that_was_killed_goes_on(database):
    """After a failure in the middle the same gaps are asked for again, and no trade is doubled."""
    day = made(CODES[0])
    with database.connect() as connection:
        receive(connection, day, {*range(50, 60), *range(300, 380)})

    class Dying(Rest):
        def _call(self, endpoint, params, subject):
            if self.requests_sent == 3:
                raise KeyboardInterrupt
            return super()._call(endpoint, params, subject)

    with pytest.raises(KeyboardInterrupt):
        fill(database, Dying(day))
    assert fill(database, Rest(day)).filled >= 1
    assert database.rows(STORED) == as_stored(day)


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
