"""The documented choice of a data source; run as a script, it checks itself on mock data without credentials."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:
    # Run as a plain file, or imported with this folder on the path: the package may not be installed.
    sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

from data_pipeline.market.records import ChartData, CurrentPrice, OrderBook, OrderBookLevel, PriceType, StockInfo
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.sources.factory import DataSourceFactory, DataSourceType, create_data_source
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.krx.source import KRXDataSource
from data_pipeline.sources.mock.source import MockDataSource

__all__ = [
    "AbstractDataSource",
    "ChartData",
    "CurrentPrice",
    "DataSourceFactory",
    "DataSourceType",
    "KISDataSource",
    "KRXDataSource",
    "MockDataSource",
    "OrderBook",
    "OrderBookLevel",
    "PriceType",
    "StockInfo",
    "create_data_source",
]

STOCK_CODE = "005930"
BANNER = "=" * 80


def main() -> int:
    """Print what a mock source gives for one stock, and return 0."""
    print(BANNER, "Testing data source abstraction with mock data", BANNER, sep="\n")
    with create_data_source(DataSourceType.MOCK) as source:
        _heading(1, "create_data_source()")
        print(f"  Source: {source.name}")
        _heading(2, "get_current_price()")
        price = source.get_current_price(STOCK_CODE)
        print(f"{price.stock_name} ({price.stock_code})")
        print(f"  Current Price: {price.current_price:,} KRW")
        print(f"  Change: {price.change_price:+,} ({price.change_rate:+.2f}%)")
        print(f"  Volume: {price.volume:,}")
        _heading(3, "get_order_book()")
        book = source.get_order_book(STOCK_CODE)
        print(f"  Best Bid: {book.best_bid:,}  Best Ask: {book.best_ask:,}  Spread: {book.spread:,}")
        _heading(4, "get_chart_data()")
        for candle in source.get_chart_data(STOCK_CODE, PriceType.DAILY, 30)[:5]:
            print(f"  {candle.date}: Close={candle.close_price:,}")
        _heading(5, "get_stock_info()")
        info = source.get_stock_info(STOCK_CODE)
        print(f"  {info.stock_name}: {info.market}")
    print(f"\n{BANNER}\nAll tests completed successfully!\n{BANNER}")
    return 0


def _heading(number: int, what: str) -> None:
    print(f"\n{number}. Testing {what}\n{BANNER}\n")


if __name__ == "__main__":
    sys.exit(main())
