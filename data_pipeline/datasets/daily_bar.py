"""Daily bars (일봉)."""

from __future__ import annotations

from operator import attrgetter

from data_pipeline.datasets.beside import DAYS_BESIDE
from data_pipeline.datasets.dataset import Dataset, Due, No, Sieve, Size
from data_pipeline.datasets.frame import CANDLE, CODE, SESSION, SOURCE, VALUE, Column, Frame, Type, won
from data_pipeline.datasets.plain_days import sieved_days
from data_pipeline.datasets.row_checks import check_daily_bar
from data_pipeline.datasets.table import CANDLE_COLUMNS, DATE_TEXTS, Table
from data_pipeline.datasets.window_checks import check_days, check_missing
from data_pipeline.market.records import DailyBar

_COLUMNS = ("stock_code", "session", *CANDLE_COLUMNS, "change")


def _line(bar: DailyBar) -> str:
    return (
        f"{bar.stock_code}\t{DATE_TEXTS[bar.session]}\t{bar.open}\t{bar.high}\t{bar.low}\t{bar.close}\t{bar.volume}"
        f"\t{bar.trading_value}\t{bar.change}\n"
    )


def _adjusted(*names: str) -> list[Column]:
    # Where no factor applies, which is nearly everywhere, numeric arithmetic would cost four times as much.
    return [
        Column(
            name,
            Type.REAL,
            "adjusted won",
            f"CASE WHEN a.until IS NULL THEN b.{name}::float8 ELSE (b.{name} * a.factor)::float8 END",
            nullable=True,
        )
        for name in names
    ]


_VOLUME = "CASE WHEN a.until IS NULL THEN b.volume::float8 ELSE (b.volume / a.factor)::float8 END"
_FACTOR = "CASE WHEN a.until IS NULL THEN 1 ELSE a.factor::float8 END"
ADJUSTED_BARS = Frame(
    "daily_bars",
    "daily_bar",
    [
        CODE,
        SESSION,
        *_adjusted("open", "high", "low", "close"),
        Column("volume", Type.REAL, "shares of the newest session", _VOLUME, nullable=True),
        VALUE,
        *_adjusted("change"),
        Column("factor", Type.REAL, "ratio, adjusted over raw price", _FACTOR, nullable=True),
        SOURCE,
    ],
    "b.stock_code, b.session",
)
"""The frame in adjusted prices."""

DAILY_BAR = Dataset(
    title="daily bars (일봉)",
    about="open, high, low, close, volume and value of one instrument on one session, in raw prices",
    table=Table(
        "daily_bar", DailyBar, _COLUMNS, ("stock_code", "session"), attrgetter(*_COLUMNS),
        day="session", partitioned=True, sealed=True, plain=_line, columnar=True,
    ),
    due=Due.EACH_SESSION,
    ask=lambda source, window: source.daily_bars(window.stock_codes, window.first, window.last),
    market_day=lambda source, window: source.market_bars(window.first),
    size=Size(1, lambda shape: shape.daily_page, in_quotes=True),
    beside=DAYS_BESIDE,
    check=check_daily_bar,
    check_window=check_days,
    sieve=Sieve(sieved_days, check_missing),
    follows="adjusted prices",
    second_chance=True,
    past=True,
    present=No("the bar of a running session still grows"),
    frame=Frame("daily_bars", "daily_bar", [CODE, SESSION, *CANDLE, *won("change"), SOURCE], "b.stock_code, b.session"),
    archive=No("adjusted prices, proofs of holes and the checks of minutes need every bar, and 25 years are 3 GB"),
    loaded_by=("daily_bars", "daily_bars_official"),
)  # fmt: skip
