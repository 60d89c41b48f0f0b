"""`data-pipeline replay`: plays a stored session as KIS's live stream, at a chosen speed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from typing import Any

from data_pipeline.emulator.kis.stream.stored import StoredStage
from data_pipeline.emulator.process import APP_KEY, APP_SECRET
from data_pipeline.emulator.replay import Replay, serve_replay
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.output import console, write_json
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.records import OrderBook, OrderBookLevel
from data_pipeline.market.stream_records import Side, Trade
from data_pipeline.market.venue import Venue
from data_pipeline.warehouse.connect import connect

FASTEST = 10_000.0
_TRADES = """
SELECT venue, stock_code, traded_at, price, volume, cumulative_volume, cumulative_value, side, sell_count, buy_count,
       sell_volume, buy_volume, ask_price, bid_price, market_class, hour_class, session_class, filled
FROM market.trade WHERE session = %s AND (%s::text[] IS NULL OR stock_code = ANY (%s))
ORDER BY venue, stock_code, cumulative_volume
"""
_BOOKS = """
SELECT stock_code, bid_prices, bid_volumes, ask_prices, ask_volumes, total_bid_volume, total_ask_volume, observed_at,
       venue
FROM market.order_book WHERE session = %s AND (%s::text[] IS NULL OR stock_code = ANY (%s)) ORDER BY observed_at
"""


def replay(options: argparse.Namespace, home: Home, environ: Mapping[str, str]) -> int:
    """Serve a stored session until its last trade was sent; returns 0.

    Raises:
        InvalidRequestError: An option is wrong, or nothing of the session is stored.
    """
    session, codes = _day(options.session), [one for one in re.split(r"[,\s]+", options.codes) if one] or None
    if not 0 < options.speed <= FASTEST:
        raise InvalidRequestError(f"--speed is above 0 and at most {FASTEST:,.0f}, not {options.speed:g}")
    with open_warehouse(home, environ) as warehouse, closing(connect(warehouse.reader_url)) as connection:
        stage = stored_stage(connection, session, codes)
    played, out = Replay(session, stage, options.speed), console(stderr=options.json)

    def told(address: str) -> None:
        out.print(f"Replay of {session}: {len(stage.codes)} codes at {options.speed:g} times real time, on {address}.")
        out.print("It begins with the first registration, and its rows say replay. For a service of this package set")
        for name, value in _variables(session, address).items():
            out.print(f"  {name}={value}", markup=False, soft_wrap=True)

    serve_replay(played, options.port, told)
    records, frames = played.counts
    out.print(f"{records:,} records were sent in {frames:,} frames.")
    if options.json:
        write_json({"records": records, "frames": frames})
    return 0


def stored_stage(connection: Any, session: date, codes: Sequence[str] | None) -> StoredStage:
    """Return what is stored of a session's trades and books.

    Args:
        connection: To a warehouse; only read.
        session: The day.
        codes: Stock codes; None for all.

    Raises:
        InvalidRequestError: Nothing is.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(_TRADES, (session, codes, codes))
        trades = [_trade(row) for row in cursor]
        cursor.execute(_BOOKS, (session, codes, codes))
        books = [_book(row) for row in cursor]
    if not trades and not books:
        raise InvalidRequestError(
            f"no trade and no order book of {session} is stored for these codes: `data-pipeline stream` keeps them"
        )
    return StoredStage(session, trades, books)


def _variables(session: date, address: str) -> dict[str, str]:
    return {
        "KIS_API_BASE_URL_REAL": address,
        "KIS_USE_VIRTUAL_SERVER": "false",
        "KIS_APP_KEY": APP_KEY,
        "KIS_APP_SECRET": APP_SECRET,
        "MARKET_CLOCK": f"{session}T20:00",
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequestError(f"SESSION is a day such as 2026-11-20, not {text!r}") from None


def _trade(row: Sequence[Any]) -> Trade:
    venue, code, at, price, volume, total, value, side, *more = row
    return Trade(
        Venue(venue), code, at.astimezone(SEOUL), price, volume, total, value, Side(side) if side else None, *more
    )


def _book(row: Sequence[Any]) -> OrderBook:
    code, bids, bid_volumes, asks, ask_volumes, total_bid, total_ask, at, venue = row
    sides = (tuple(_levels(bids, bid_volumes)), tuple(_levels(asks, ask_volumes)))
    return OrderBook(code, "", *sides, total_bid, total_ask, at.astimezone(SEOUL).isoformat(), Venue(venue))


def _levels(prices: Sequence[int], volumes: Sequence[int]) -> Iterator[OrderBookLevel]:
    return (OrderBookLevel(price, volume) for price, volume in zip(prices, volumes, strict=True))
