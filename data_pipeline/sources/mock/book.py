"""Ten-level order books around the last price."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from data_pipeline.market.price_rules import next_tick, previous_tick
from data_pipeline.market.records import BOOK_DEPTH, OrderBook, OrderBookLevel
from data_pipeline.sources.mock.issue import Issue
from data_pipeline.sources.mock.noise import between, mixed, text_key


def order_book(issue: Issue, last: int, limits: tuple[int, int], at: datetime, volume: int) -> OrderBook:
    """Return the book at a moment: bids below asks, the last price at one of the two best levels.

    Args:
        issue: Whose book.
        last: The last price, won; on a price limit one side is empty.
        limits: The session's lowest and highest price, beyond which no order is accepted.
        at: The moment, which becomes the timestamp.
        volume: Shares traded so far, which changes the book with every trade.
    """
    key = mixed(text_key(issue.key, "book"), last ^ volume << 24)
    lift = key & 1
    ask = next_tick(last, issue.board) if lift else last
    bid = last if lift else previous_tick(last, issue.board)
    if not _on_tick(last, issue.board):
        ask, bid = next_tick(last, issue.board), previous_tick(last, issue.board)
    if last >= limits[1]:
        ask, bid = limits[1] + 1, last
    elif last <= limits[0]:
        ask, bid = last, limits[0] - 1
    asks = _levels(issue, key, _prices(ask, limits, lambda price: next_tick(price, issue.board)))
    bids = _levels(issue, key, _prices(bid, limits, lambda price: previous_tick(price, issue.board)))
    return _book(issue, bids, asks, at)


def empty_book(issue: Issue, at: datetime) -> OrderBook:
    """Return the book of an instrument that nobody may trade."""
    return _book(issue, (), (), at)


def _book(issue: Issue, bids: tuple[OrderBookLevel, ...], asks: tuple[OrderBookLevel, ...], at: datetime) -> OrderBook:
    return OrderBook(
        stock_code=issue.code,
        stock_name=issue.name,
        bid_levels=bids,
        ask_levels=asks,
        total_bid_volume=sum(level.volume for level in bids),
        total_ask_volume=sum(level.volume for level in asks),
        timestamp=at.isoformat(),
    )


def _on_tick(price: int, board: str) -> bool:
    return next_tick(price - 1, board) == price


def _prices(best: int, limits: tuple[int, int], beyond: Callable[[int], int]) -> list[int]:
    prices: list[int] = []
    price = best
    while limits[0] <= price <= limits[1] and len(prices) < BOOK_DEPTH:
        prices.append(price)
        price = beyond(price)
    return prices


def _levels(issue: Issue, key: int, prices: list[int]) -> tuple[OrderBookLevel, ...]:
    typical = max((1 << issue.turnover // (1 << 24)) // (max(prices, default=1) * 400), 1)
    return tuple(OrderBookLevel(price, between(key, price, typical // 3 + 1, typical * 3)) for price in prices)
