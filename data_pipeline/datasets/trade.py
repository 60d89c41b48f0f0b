"""Trades (체결), as the stream brings them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta

from data_pipeline.datasets.dataset import Archive, Dataset, Due, No, Sieve
from data_pipeline.datasets.findings import Context, Earlier, Finding, Severity
from data_pipeline.datasets.frame import CODE, SESSION, SOURCE, VOLUME, Column, Frame, Type, text
from data_pipeline.datasets.plain_days import Sieved
from data_pipeline.datasets.row_checks import check_time
from data_pipeline.datasets.table import DATE_TEXTS, Table
from data_pipeline.market.stream_records import Trade

_KEY = ("venue", "stock_code", "session", "cumulative_volume")
_COLUMNS = (
    *_KEY, "traded_at", "price", "volume", "cumulative_value", "side", "sell_count", "buy_count", "sell_volume",
    "buy_volume", "ask_price", "bid_price", "market_class", "hour_class", "session_class", "filled",
)  # fmt: skip
TRADED = slice(_COLUMNS.index("traded_at"), _COLUMNS.index("volume") + 1)
"""Where the values of a trade stand that every source tells: its second, its price and its shares."""


def _values(trade: Trade) -> tuple[object, ...]:
    return (
        trade.venue.value, trade.stock_code, trade.session, trade.cumulative_volume, trade.traded_at, trade.price,
        trade.volume, trade.cumulative_value, trade.side.value if trade.side else None, trade.sell_count,
        trade.buy_count, trade.sell_volume, trade.buy_volume, trade.ask_price, trade.bid_price, trade.market_class,
        trade.hour_class, trade.session_class, trade.filled,
    )  # fmt: skip


def _line(trade: Trade) -> str:
    at, day = trade.traded_at, DATE_TEXTS[trade.session]
    side = trade.side.value if trade.side else r"\N"
    numbers = (trade.sell_count, trade.buy_count, trade.sell_volume, trade.buy_volume, trade.ask_price, trade.bid_price)
    counted = "\t".join([r"\N" if one is None else str(one) for one in numbers])
    value = r"\N" if trade.cumulative_value is None else trade.cumulative_value
    for word in (trade.market_class, trade.hour_class, trade.session_class):
        if word and not word.isalnum():
            raise TypeError(f"{word!r} is no code of a phase")
    return (
        f"{trade.venue.value}\t{trade.stock_code}\t{day}\t{trade.cumulative_volume}"
        f"\t{day} {at.hour:02d}:{at.minute:02d}:{at.second:02d}+09:00\t{trade.price}\t{trade.volume}\t{value}\t{side}"
        f"\t{counted}\t{trade.market_class}\t{trade.hour_class}\t{trade.session_class}\t{trade.filled}\n"
    )


def same_trade(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Return whether two rows of one key are of the same trade; one that was asked for later tells less."""
    if one[-1] or other[-1]:
        return one[TRADED] == other[TRADED]
    return one == other


def check_trade(trade: Trade, _: Earlier, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the time of a trade; the venues do not open and close at one time."""
    calendar, session = context.calendar, trade.session
    if calendar.first_day <= session <= calendar.last_day and not calendar.is_session(session):
        yield Finding("day", Severity.ERROR, f"{session} is not a session of the exchange", trade)
    yield from check_time(trade, trade.traded_at, context)


def sieved_trades(
    records: Sequence[Trade], codes: Collection[str], first: date | None, last: date | None, context: Context
) -> Sieved | None:
    """Return that no trade is doubtful, when each has a key of its own and a time that can be; None when one is."""
    if codes or first or last or not records:
        return None
    keys = {(one.venue, one.stock_code, one.session, one.cumulative_volume) for one in records}
    latest = context.now + timedelta(seconds=context.thresholds.future_seconds)
    if len(keys) < len(records) or max(one.traded_at for one in records) > latest:
        return None
    calendar = context.calendar
    known = [day for day in {key[2] for key in keys} if calendar.first_day <= day <= calendar.last_day]
    return Sieved([], quiet=True) if all(map(calendar.is_session, known)) else None


def contradicted(trade: Trade) -> Finding:
    """Return what is wrong with a trade under whose key another one is stored."""
    return Finding("duplicate", Severity.ERROR, "other values are stored under its running volume", trade)


def gone_back(trade: Trade) -> Finding:
    """Return what is wrong with a trade that comes after others of a higher running volume and is not stored."""
    problem = f"its running volume goes back to {trade.cumulative_volume:,}, and no such trade is stored"
    return Finding("counter", Severity.ERROR, problem, trade)


def _whole(name: str, unit: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.WHOLE, unit, nullable=nullable)


TRADE = Dataset(
    title="trades (체결)",
    about="one trade of one instrument at one venue, in the second in which it took place",
    table=Table(
        "trade", Trade, _COLUMNS, _KEY, _values, day="session", partitioned=True, sealed=True, plain=_line,
    ),
    due=Due.STREAMED,
    ask=lambda source, window: source.trades(window.stock_codes, window.first, window.last),
    market_day=No("KRX's Open API tells of finished sessions only"),
    size=No("nobody knows beforehand how many there will be"),
    beside=No("the counters on the wire join one trade to the next"),
    check=check_trade,
    check_window=No("the proof of the day adds them up"),
    sieve=Sieve(sieved_trades, lambda *_: iter(())),
    follows=No("nothing stored is made of trades"),
    second_chance=No("a trade in quarantine contradicts a stored one, and no later look changes that"),
    past=No("no vendor tells the trades of a day that is over"),
    present=No("the stream brings them by itself; only its gaps are asked for"),
    frame=Frame(
        "trades",
        "trade",
        [
            text("venue", "KRX, NXT, or UNIFIED for both as one market"),
            CODE,
            SESSION,
            Column("traded_at", Type.MOMENT, "second in which it traded"),
            Column("price", Type.WHOLE, "won"),
            VOLUME,
            _whole("cumulative_volume", "shares of the session so far"),
            _whole("cumulative_value", "won of the session so far", nullable=True),
            text("side", "who took the price: buy, sell or auction", nullable=True),
            _whole("ask_price", "won", nullable=True),
            _whole("bid_price", "won", nullable=True),
            text("session_class", "1 pre-market, 2 regular, 3 after-market, 5 at the close"),
            Column("filled", Type.FLAG, "whether the stream did not bring it and it was asked for later"),
            SOURCE,
        ],
        "b.stock_code, b.session, b.venue, b.cumulative_volume",
    ),
    archive=Archive("KEEP_TRADE_MONTHS", by_itself=True),
    loaded_by=("stream_day",),
)  # fmt: skip
