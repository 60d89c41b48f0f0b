"""Minute bars (분봉)."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

from data_pipeline.datasets.beside import DAYS_OF_MINUTES
from data_pipeline.datasets.dataset import Archive, Dataset, Due, No, Present, Size
from data_pipeline.datasets.frame import CANDLE, CODE, SESSION, SOURCE, Column, Frame, Type
from data_pipeline.datasets.row_checks import check_minute_bar
from data_pipeline.datasets.table import CANDLE_COLUMNS, DATE_TEXTS, MINUTE_TEXTS, Table
from data_pipeline.market.origin import RequestShape
from data_pipeline.market.records import MinuteBar
from data_pipeline.market.seoul import SEOUL, seoul_date

MINUTES = 381
"""Minute bars that one session of an instrument has at most; 20 sessions fill 63.5 pages of KIS's 120."""


def _values(bar: MinuteBar) -> tuple[object, ...]:
    session = seoul_date(bar.at)
    return (bar.stock_code, bar.at, session, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trading_value)


def _line(bar: MinuteBar) -> str:
    at = bar.at
    if at.tzinfo is SEOUL and at.year > 1988:  # the last year in which Seoul was not at +09:00 throughout
        day = DATE_TEXTS[at.date()]
        moment = f"{day} {MINUTE_TEXTS[at.hour * 60 + at.minute]}"
    else:
        day, moment = str(seoul_date(at)), str(at)
    return (
        f"{bar.stock_code}\t{moment}\t{day}\t{bar.open}\t{bar.high}\t{bar.low}\t{bar.close}\t{bar.volume}"
        f"\t{bar.trading_value}\n"
    )


def _requests(shape: RequestShape, codes: int, minutes: int, running: bool) -> int:
    page = shape.running_minutes_page if running else shape.minutes_page
    return codes * max(1, ceil(minutes / page))


FRAMES = {
    minutes: Frame(
        "minute_bars",
        "minute_bar",
        [CODE, Column("at", Type.MOMENT, "start of the bar"), SESSION, *CANDLE, SOURCE],
        "b.stock_code, b.at",
        "market.minute_bar b" if minutes == 1 else f"market.minute_bar_{minutes} b",
    )
    for minutes in (1, 5, 30)
}
"""The frames by the length of a bar in minutes."""

MINUTE_BAR = Dataset(
    title="minute bars (분봉)",
    about="open, high, low, close, volume and value of one instrument in one minute of regular trading",
    table=Table(
        "minute_bar", MinuteBar, ("stock_code", "at", "session", *CANDLE_COLUMNS), ("stock_code", "at", "session"),
        _values, day="session", partitioned=True, sealed=True, plain=_line,
    ),
    due=Due.AS_TRADED,
    ask=lambda source, window: source.minute_bars(window.stock_codes, window.first, window.last),
    market_day=No("KRX's Open API has none"),
    size=Size(MINUTES, lambda shape: shape.minutes_page, most_sessions=20),
    beside=DAYS_OF_MINUTES,
    check=check_minute_bar,
    check_window=No("each answer proves by its running total that no minute is missing"),
    sieve=No("each answer is proved as a whole"),
    follows=No("nothing is made of minutes"),
    second_chance=True,
    past=True,
    present=Present(timedelta(minutes=5), _requests, of_universe=False),
    frame=FRAMES[1],
    archive=Archive("KEEP_MINUTE_BAR_MONTHS"),
    loaded_by=("minute_bars",),
)  # fmt: skip
