"""Frames for research: `daily_bars`, `minute_bars`, `price_snapshots`, `order_books` and what is needed beside them.

    from data_pipeline.read import daily_bars
    bars = daily_bars(["005930", "000660"], "2024-01-02", "2024-12-30")

Every function takes ``connection``: a psycopg2 connection, an engine or connection of SQLAlchemy on psycopg2, a
``postgresql://`` address, or None for the warehouse that the command uses (:func:`warehouse` opens that one for several
reads). The role ``market_reader`` is enough. Nothing is written: an idle connection is read in one read-only snapshot
and left idle; one within a transaction stays in it.

Every function takes ``as_`` too: ``pandas`` (unless told otherwise), ``arrow`` (a ``pyarrow.Table``, each field with
its unit in the metadata) or ``polars`` (a ``polars.DataFrame``; polars has to be installed). Rows, order and columns
are the same; what is absent is a null there.

Ranges include both ends. Stock codes are text and keep their zeros and letters. What is missing is an error, not a
shorter frame, unless ``complete=False`` allows it.
"""

from data_pipeline.read.connection import warehouse
from data_pipeline.read.frames import (
    coverage,
    daily_bars,
    frame,
    index_bars,
    instruments,
    investor_flows,
    minute_bars,
    order_books,
    price_snapshots,
    trading_sessions,
)

__all__ = [
    "coverage",
    "daily_bars",
    "frame",
    "index_bars",
    "instruments",
    "investor_flows",
    "minute_bars",
    "order_books",
    "price_snapshots",
    "trading_sessions",
    "warehouse",
]
