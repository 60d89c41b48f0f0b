"""Current prices (현재가)."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

from data_pipeline.datasets.dataset import Archive, Dataset, Due, No, Present
from data_pipeline.datasets.frame import SEEN, SOURCE, VALUE, VOLUME, Column, Frame, Type, won
from data_pipeline.datasets.row_checks import check_current_price
from data_pipeline.datasets.table import Table
from data_pipeline.market.records import CurrentPrice
from data_pipeline.market.seoul import seoul_date

_COLUMNS = (
    "stock_code", "observed_at", "session", "stock_name", "current_price", "change_price", "change_rate", "open_price",
    "high_price", "low_price", "volume", "trading_value", "market_cap",
)  # fmt: skip


def _values(price: CurrentPrice) -> tuple[object, ...]:
    at = price.observed_at
    return (
        price.stock_code, at, seoul_date(at), price.stock_name, price.current_price, price.change_price,
        price.change_rate, price.open_price, price.high_price, price.low_price, price.volume, price.trading_value,
        price.market_cap,
    )  # fmt: skip


PRICE_SNAPSHOT = Dataset(
    title="current prices (현재가)",
    about="the last price of one instrument at the moment at which it was asked for, and its day so far",
    table=Table(
        "price_snapshot", CurrentPrice, _COLUMNS, ("stock_code", "observed_at", "session"), _values,
        day="session", partitioned=True, sealed=True,
    ),
    due=Due.EACH_CODE,
    ask=lambda source, window: source.price_snapshots(window.stock_codes),
    market_day=No("KRX's Open API tells of finished sessions only"),
    size=No("it is of one moment"),
    beside=No("a price of a moment has no neighbours"),
    check=check_current_price,
    check_window=No("every code has to come"),
    sieve=No("its rows are few"),
    follows=No("nothing is made of snapshots"),
    second_chance=True,
    past=No("what was not seen then cannot be asked for later"),
    present=Present(
        timedelta(minutes=5), lambda shape, codes, *_: ceil(codes / shape.quotes_page), of_universe=True
    ),
    frame=Frame(
        "price_snapshots",
        "price_snapshot",
        [
            *SEEN,
            *won("current_price", "change_price"),
            Column("change_rate", Type.REAL, "percent", "b.change_rate::float8"),
            *won("open_price", "high_price", "low_price"),
            VOLUME,
            VALUE,
            Column("market_cap", Type.WHOLE, "won", nullable=True),
            SOURCE,
        ],
        "b.stock_code, b.observed_at, b.session",
    ),
    archive=Archive("KEEP_PRICE_SNAPSHOT_MONTHS"),
    loaded_by=("current_prices",),
)  # fmt: skip
