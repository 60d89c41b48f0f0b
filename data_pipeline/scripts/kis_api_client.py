"""The documented client and its records; run as a script, it checks itself on mock data without credentials."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:
    # Run as a plain file, or imported with this folder on the path: the package may not be installed.
    sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

from data_pipeline.client.circuit_breaker import CircuitBreaker, CircuitState
from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.client.token import TokenManager
from data_pipeline.market.records import ChartData, CurrentPrice, OrderBook, OrderBookLevel, PriceType, StockInfo
from data_pipeline.sources.api_client import KISAPIClient, create_client

__all__ = [
    "ChartData",
    "CircuitBreaker",
    "CircuitState",
    "CurrentPrice",
    "KISAPIClient",
    "OrderBook",
    "OrderBookLevel",
    "PriceType",
    "StockInfo",
    "TokenBucketRateLimiter",
    "TokenManager",
    "create_client",
]

STOCK_CODE = "005930"
BANNER = "=" * 80


def main() -> int:
    """Print what each call gives for one stock, and return 0."""
    print(BANNER, "Testing KIS API client with mock data", BANNER, sep="\n")
    with create_client(use_mock=True) as client:
        _heading(1, "get_current_price()")
        show_price(client.get_current_price(STOCK_CODE))
        _heading(2, "get_order_book()")
        show_order_book(client.get_order_book(STOCK_CODE))
        _heading(3, "get_chart_data()")
        for period in PriceType:
            show_chart(period, client.get_chart_data(STOCK_CODE, period, 5))
        _heading(4, "get_stock_info()")
        show_stock_info(client.get_stock_info(STOCK_CODE))
        _heading(5, "invalid stock codes")
        show_refusal(client, "abc")
    print(f"\n{BANNER}\nAll tests completed successfully!\n{BANNER}")
    return 0


def show_price(price: CurrentPrice) -> None:
    """Print a price."""
    print(f"{price.stock_name} ({price.stock_code})")
    print(f"  Current Price: {price.current_price:,} KRW")
    print(f"  Change: {price.change_price:+,} ({price.change_rate:+.2f}%)")
    print(f"  Open/High/Low: {price.open_price:,} / {price.high_price:,} / {price.low_price:,} KRW")
    print(f"  Volume: {price.volume:,}")
    print(f"  Trading Value: {price.trading_value:,} KRW")
    print(f"  Time: {price.timestamp}")


def show_order_book(book: OrderBook) -> None:
    """Print a book, best levels in the middle."""
    print(f"{book.stock_name} ({book.stock_code})")
    for level in reversed(book.ask_levels):
        print(f"  {'':>14}  {level.price:>10,}  {level.volume:>14,}")
    for level in book.bid_levels:
        print(f"  {level.volume:>14,}  {level.price:>10,}")
    print(f"  Best Bid: {book.best_bid:,}  Best Ask: {book.best_ask:,}  Spread: {book.spread:,}")


def show_chart(period: PriceType, chart: list[ChartData]) -> None:
    """Print bars of one period."""
    print(f"  {period.name}: {len(chart)} bars")
    for bar in chart:
        print(
            f"    {bar.date}: Open={bar.open_price:,} High={bar.high_price:,} Low={bar.low_price:,} "
            f"Close={bar.close_price:,} Volume={bar.volume:,}"
        )


def show_stock_info(info: StockInfo) -> None:
    """Print what an instrument is."""
    print(f"{info.stock_name} ({info.stock_code})")
    print(f"  Market: {info.market}  Sector: {info.sector}  Industry: {info.industry}")
    print(f"  Listed Shares: {info.listed_shares:,}" if info.listed_shares else "  Listed Shares: unknown")
    print(f"  Face Value: {info.face_value:,.0f} KRW" if info.face_value else "  Face Value: none")


def show_refusal(client: KISAPIClient, stock_code: str) -> None:
    """Print how a malformed code is refused; it must be, before any call."""
    try:
        client.get_current_price(stock_code)
    except ValueError as error:
        print(f"  {stock_code!r} is refused: {error}")
        return
    raise SystemExit(f"{stock_code!r} was not refused")


def _heading(number: int, what: str) -> None:
    print(f"\n{number}. Testing {what}\n{BANNER}\n")


if __name__ == "__main__":
    sys.exit(main())
