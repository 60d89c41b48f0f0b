"""Days on which the market opens (개장일)."""

from __future__ import annotations

from operator import attrgetter

from data_pipeline.datasets.dataset import Dataset, Due, No
from data_pipeline.datasets.frame import SESSION, Column, Frame, Type
from data_pipeline.datasets.table import Table
from data_pipeline.market.records import MarketDay

TRADING_SESSION = Dataset(
    title="open days (개장일)",
    about="one day and whether the market opens on it, by the source; the trading calendar has to agree",
    table=Table(
        "trading_session", MarketDay, ("day", "is_open"), ("day",), attrgetter("day", "is_open"), day="day",
        plain=lambda day: f"{day.day}\t{day.is_open}\n",
    ),
    due=Due.CALENDAR,
    ask=lambda source, window: source.market_days(window.first),
    market_day=No("KRX's Open API does not tell"),
    size=No("it is not asked for by code"),
    beside=No("the calendar is what it is held against"),
    check=No("the whole answer is compared with the trading calendar"),
    check_window=No("the whole answer is compared with the trading calendar"),
    sieve=No("its rows are few"),
    follows=No("a calendar is corrected on purpose, by a person or by the same answer on two days"),
    second_chance=No("a malformed answer is asked for again on the next day"),
    past=True,
    present=No("it is asked for once a day"),
    frame=Frame(
        "trading_sessions",
        "calendar_session",
        [
            SESSION,
            Column("final_at", Type.MOMENT, "moment", "market.final_at(b.session)"),
            Column("is_final", Type.FLAG, "whether", "market.final_at(b.session) <= (SELECT market.now())"),
        ],
        "b.session",
    ),
    archive=No("it is one row a day"),
    loaded_by=("market_reference",),
)  # fmt: skip
