"""Order books (호가)."""

from __future__ import annotations

from datetime import timedelta

from data_pipeline.datasets.dataset import Archive, Dataset, Due, No, Present
from data_pipeline.datasets.frame import SEEN, SOURCE, Column, Frame, Type, text
from data_pipeline.datasets.row_checks import check_order_book
from data_pipeline.datasets.table import Table
from data_pipeline.market.records import OrderBook
from data_pipeline.market.seoul import seoul_date

DEPTH = 10
"""Levels on each side of an order book."""
_COLUMNS = (
    "stock_code", "observed_at", "session", "venue", "stock_name", "bid_prices", "bid_volumes", "ask_prices",
    "ask_volumes", "total_bid_volume", "total_ask_volume",
)  # fmt: skip


def _values(book: OrderBook) -> tuple[object, ...]:
    at = book.observed_at
    bids, asks = book.bid_levels, book.ask_levels
    return (
        book.stock_code, at, seoul_date(at), book.venue.value, book.stock_name,
        [level.price for level in bids], [level.volume for level in bids],
        [level.price for level in asks], [level.volume for level in asks],
        book.total_bid_volume, book.total_ask_volume,
    )  # fmt: skip


def _level(side: str, number: int) -> list[Column]:
    return [
        Column(f"{side}_price_{number}", Type.WHOLE, "won", f"b.{side}_prices[{number}]", nullable=True),
        Column(f"{side}_volume_{number}", Type.WHOLE, "shares", f"b.{side}_volumes[{number}]", nullable=True),
    ]


ORDER_BOOK = Dataset(
    title="order books (호가)",
    about="ten levels on each side of one instrument's book at one venue, when it was asked for or came by itself",
    table=Table(
        "order_book", OrderBook, _COLUMNS, _COLUMNS[:4], _values,
        day="session", partitioned=True, sealed=True, unwritten=(("venue", "KRX"),),
    ),
    due=Due.EACH_CODE,
    ask=lambda source, window: source.order_books(window.stock_codes),
    market_day=No("KRX's Open API tells of finished sessions only"),
    size=No("it is of one moment"),
    beside=No("a book of a moment has no neighbours"),
    check=check_order_book,
    check_window=No("every code has to come"),
    sieve=No("its rows are few"),
    follows=No("nothing is made of books"),
    second_chance=No("a book in quarantine is of a moment that is long over, and no later check can vouch for it"),
    past=No("what was not seen then cannot be asked for later"),
    present=Present(timedelta(minutes=4), lambda _shape, codes, *_: codes, of_universe=False),
    frame=Frame(
        "order_books",
        "order_book",
        [
            *SEEN,
            *(column for side in ("bid", "ask") for number in range(1, DEPTH + 1) for column in _level(side, number)),
            Column("total_bid_volume", Type.WHOLE, "shares"),
            Column("total_ask_volume", Type.WHOLE, "shares"),
            text("venue", "KRX, NXT, or UNIFIED for both as one market"),
            SOURCE,
        ],
        "b.stock_code, b.observed_at, b.session, b.venue",
    ),
    archive=Archive("KEEP_ORDER_BOOK_MONTHS", by_itself=True),
    loaded_by=("order_books",),
)  # fmt: skip
