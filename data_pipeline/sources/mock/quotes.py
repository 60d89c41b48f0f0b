"""The synthetic market's answers about one instrument, as records."""

from __future__ import annotations

from datetime import datetime

from data_pipeline.exceptions import UnknownStockError
from data_pipeline.market.records import CurrentPrice, StockInfo
from data_pipeline.sources.mock.market import SyntheticMarket


def price_of(market: SyntheticMarket, code: str, now: datetime) -> CurrentPrice:
    """Return the price at a moment, aware; outside trading hours that of the last session.

    Raises:
        UnknownStockError: No such instrument is listed on the quoted session.
    """
    bar = market.day_so_far(code, now)
    if bar is None:
        raise UnknownStockError(code, f"mock at {now.isoformat()}")
    return CurrentPrice(
        stock_code=code,
        stock_name=market.english_name(code),
        current_price=bar.close,
        change_price=bar.change,
        change_rate=round(100 * bar.change / (bar.close - bar.change), 2),
        open_price=bar.open,
        high_price=bar.high,
        low_price=bar.low,
        volume=bar.volume,
        trading_value=bar.trading_value,
        timestamp=now.isoformat(),
        market_cap=bar.close * market.listed_shares(code, bar.session),
    )


def info_of(market: SyntheticMarket, code: str, now: datetime) -> StockInfo:
    """Return what an instrument is at a moment, aware; a delisted one as it last stood."""
    one = market.instrument(code, market.calendar.quoted_session(now))
    return StockInfo(
        stock_code=code,
        stock_name=market.english_name(code),
        market=one.market,
        sector=market.sector(code),
        industry=market.industry(code),
        listed_shares=one.listed_shares,
        face_value=one.face_value,
    )
