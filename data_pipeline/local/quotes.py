"""`data-pipeline quote` and `book`: the present, as the source tells it; nothing is stored."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.table import Table
from rich.text import Text

from data_pipeline.backfill.sources import KINDS
from data_pipeline.engine.windows import as_codes
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.local.home import Home
from data_pipeline.local.keyless import source_variables
from data_pipeline.local.output import columns, console, write_json
from data_pipeline.local.waiting import waiting
from data_pipeline.market.clock import market_clock
from data_pipeline.market.origin import AUTO
from data_pipeline.market.records import OrderBook
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.sources.factory import DataSourceFactory


def show_quotes(options: argparse.Namespace, home: Home, environ: Mapping[str, str]) -> int:
    """Print the present prices and return 0.

    Raises:
        InvalidRequestError: A code is malformed, or there is no such source.
        DataPipelineError: As the source says; see :class:`~data_pipeline.sources.base.AbstractDataSource`.
    """
    codes = as_codes(options.stock_code)
    with _source(options.source, home, environ) as source:
        found, name, made_up = list(source.price_snapshots(codes)), source.name, source.origin.made_up
    if options.json:
        write_json({"source": name, "made_up": made_up, "quotes": found})
        return 0
    table = Table(box=None, header_style="bold", caption=_said(name, made_up=made_up))
    for title in ("code", "name", "price", "change", "%", "volume", "at"):
        table.add_column(title, justify="left" if title in ("code", "name", "at") else "right", no_wrap=title != "name")
    for one in found:
        table.add_row(
            one.stock_code, Text(one.stock_name), f"{one.current_price:,}", f"{one.change_price:+,}",
            f"{one.change_rate:+.2f}", f"{one.volume:,}", one.timestamp[5:19].replace("T", " "),
        )  # fmt: skip
    console().print(columns(table))
    return 0


def show_book(options: argparse.Namespace, home: Home, environ: Mapping[str, str]) -> int:
    """Print the order book as a ladder, the best ask above the best bid, and return 0; errors as for quotes."""
    (code,) = as_codes(options.stock_code) or [""]
    with _source(options.source, home, environ) as source:
        book, name, made_up = source.get_order_book(code), source.name, source.origin.made_up
    if options.json:
        write_json({"source": name, "made_up": made_up, "book": book})
        return 0
    console().print(Text(f"{book.stock_code} {book.stock_name}, {book.timestamp}", "bold"))
    console().print(_ladder(book))
    console().print(Text(_said(name, made_up=made_up), "italic"))
    return 0


def _ladder(book: OrderBook) -> Table:
    table = Table(box=None, header_style="bold")
    for title in ("asked", "price", "bid"):
        table.add_column(title, justify="right", no_wrap=True)
    for level in reversed(book.ask_levels):
        table.add_row(f"{level.volume:,}", Text(f"{level.price:,}", "blue"), "")
    for level in book.bid_levels:
        table.add_row("", Text(f"{level.price:,}", "red"), f"{level.volume:,}")
    table.add_row(f"{book.total_ask_volume:,}", Text("total", "bold"), f"{book.total_bid_volume:,}")
    return columns(table)


@contextmanager
def _source(kind: str, home: Home, environ: Mapping[str, str]) -> Iterator[AbstractDataSource]:
    kind = kind.strip().lower()
    if kind not in KINDS:
        raise InvalidRequestError(f"--source must be one of {', '.join(KINDS)}, not {kind!r}")
    with (
        waiting("asking the source"),
        source_variables(home, kind, sends=True) as told,
        DataSourceFactory(told, market_clock(environ)).create(None if kind == AUTO else kind) as source,
    ):
        yield source


def _said(source: str, *, made_up: bool) -> str:
    return f"from {source}: MADE UP by the synthetic market" if made_up else f"from {source}"
