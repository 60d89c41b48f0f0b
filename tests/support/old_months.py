"""Three months of minutes, prices, books and trades of two instruments, to let go of; figures are written by hand."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import CurrentPrice, MinuteBar, OrderBook, OrderBookLevel
from data_pipeline.market.stream_records import Side, Trade
from data_pipeline.market.venue import Venue
from tests.support.market_rows import PROOF, SAMSUNG, ZEROS, issue, list_issues, seoul
from tests.support.tables import MINUTE_BAR, ORDER_BOOK, PRICE_SNAPSHOT, TABLES

AUG, SEP, OCT = date(2026, 8, 31), date(2026, 9, 1), date(2026, 10, 1)
"""A session of each month; the first two are neighbours on both sides of a month's end."""
SESSIONS = (AUG, SEP, OCT)
MINUTES = ((0, 100), (4, 120), (5, 90), (390, 95))
"""Minutes after nine and their price."""


def minutes_of(code, day, shares=10):
    """The minutes of a session, each traded at one price."""
    nine = seoul(day.year, day.month, day.day, 9)
    return [
        MinuteBar(code, nine + timedelta(minutes=at), price, price, price, price, shares, price * shares)
        for at, price in MINUTES
    ]


def price(code, day, hour, close, cap=None):
    """A price that rose by a tenth of a percent."""
    at = seoul(day.year, day.month, day.day, hour).isoformat()
    return CurrentPrice(code, "삼성전자, 우", close, 1, 0.1, close, close, close, 5, 5 * close, at, cap)


def book(code, day, asks):
    """A book with one bid and so many asks."""
    at = seoul(day.year, day.month, day.day, 10).isoformat()
    levels = tuple(OrderBookLevel(101 + number, 7) for number in range(asks))
    return OrderBook(code, "종목", (OrderBookLevel(100, 3),), levels, 3, 7 * asks, at)


def trades(code, day):
    """Three trades at two venues: two with everything that the stream says, and one that was asked for later."""
    at = seoul(day.year, day.month, day.day, 9, 0, 1)
    told = partial(
        Trade, cumulative_value=500, side=Side.BUY, sell_count=0, buy_count=1, sell_volume=0, buy_volume=5,
        market_class="20", hour_class="0", session_class="2",
    )  # fmt: skip
    return [
        told(Venue.NXT, code, at, 100, 5, 5),
        told(Venue.KRX, code, at, 100, 5, 5, ask_price=101, bid_price=0),
        Trade(Venue.KRX, code, at + timedelta(hours=1), 110, 2, 7, filled=True),
    ]


def fill_minutes(connection, codes=(SAMSUNG, ZEROS), source="kis"):
    """Load the minutes of every session as loads of whole sessions leave them, proofs included."""
    list_issues(connection, *(issue(code, listed_on=AUG, as_of=AUG) for code in codes))
    for day in SESSIONS:
        upsert(connection, MINUTE_BAR, [bar for code in codes for bar in minutes_of(code, day)], source)
        with connection.cursor() as cursor:
            for code in codes:
                figures = f"""{PROOF.replace("state, proof, rows", "state, proof, figures, rows")}
                    ('minute_bar', %s, %s, 'whole', 'x', '{{"volume": 40}}', 4, %s)"""
                cursor.execute(figures, (code, day, source))
                cursor.execute(
                    "INSERT INTO market.coverage_start VALUES ('minute_bar', %s, %s) ON CONFLICT DO NOTHING",
                    (code, AUG),
                )
    connection.commit()


def fill_moments(connection):
    """Load prices, books and trades of every session."""
    for day in SESSIONS:
        upsert(connection, PRICE_SNAPSHOT, [price(SAMSUNG, day, 9, 50), price(ZEROS, day, 10, 70, 7_000)], "kis")
        upsert(connection, ORDER_BOOK, [book(SAMSUNG, day, 2), replace(book(ZEROS, day, 0), venue=Venue.NXT)], "kis")
        upsert(connection, TABLES["trade"], [*trades(SAMSUNG, day), *trades(ZEROS, day)], "kis")
    connection.commit()
