"""Half an hour of trades by hand, what REST would say of it, the bars that they make, and how they are received."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta

from psycopg2.extras import Json

from data_pipeline.engine.gap_filling import fill_gaps
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.exceptions import QueueTimeoutError
from data_pipeline.loading.coverage.noted import note_proofs
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import DailyBar, MinuteBar
from data_pipeline.market.stream_batch import Batch
from data_pipeline.market.stream_records import Side, Trade
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.trades import Trades
from data_pipeline.stream.gaps import GapWatch
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


def receive(connection, trades, lost=(), source="kis") -> StreamLoad:
    """Hand trades over in batches of fifty, but for the places that are lost; the line was cut where any is."""
    load, watch = StreamLoad(connection, source), GapWatch()
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
    rows = [
        (one.stock_code, one.traded_at, one.price, one.volume, one.cumulative_volume) for day in days for one in day
    ]
    return sorted(rows, key=lambda row: (row[0], row[-1]))


def fill(database, rest, **more):
    """One pass over the gaps."""
    with database.connect() as connection:
        return fill_gaps(connection, rest, DAY, RUN, **more)
