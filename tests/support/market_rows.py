"""Rows to read, loaded as the pipeline loads them; every figure is written by hand."""

from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import pytest

from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.loading.prices.price_adjustment import adjust_all, adjust_prices
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.loading.rows.ingest_run import start_run
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import DailyBar, Instrument
from data_pipeline.market.trading_calendar import SEOUL
from tests.support.tables import DAILY_BAR

PROOF = "INSERT INTO market.proof (dataset, stock_code, session, state, proof, rows, source) VALUES "
SAMSUNG, LETTERS, ZEROS = "005930", "0001A0", "000020"
THU, FRI, MON, TUE, WED = (date(2026, 9, day) for day in (10, 11, 14, 15, 16))


def traded(day, close, change, code=SAMSUNG, volume=100):
    """A bar that traded at one price."""
    return DailyBar(code, day, close, close, close, close, volume, volume * close, change)


def issue(code, listed_on=THU, as_of=THU, **more):
    """One listed instrument."""
    return Instrument(code, "KR7005930003", f"종목 {code}", "KOSPI", "ST", as_of, listed_on=listed_on, **more)


def keep_and_adjust(connection, instruments, source, run_id=None, **how):
    """Load the list of one session as the engine does, adjusted prices included."""
    kept = keep_list(connection, instruments, source, run_id, **how)
    if kept.reused:
        adjust_all(connection, kept.reused, run_id)
    return kept


def keep_some(connection, instruments, source, run_id=None):
    """Load instruments of any sessions, each as a part of its session's list; returns the counts."""
    counts = LoadCounts()
    ordered = sorted(instruments, key=attrgetter("as_of"))
    for _, some in groupby(ordered, key=attrgetter("as_of")):
        counts += keep_and_adjust(connection, some, source, run_id, complete=False).counts
    return counts


def list_issues(connection, *issues, source="krx"):
    """Load a list of instruments."""
    keep_some(connection, issues, source)
    connection.commit()


def load(connection, bars, source="krx"):
    """One window as the operator loads it; returns when it was written."""
    days = [bar.session for bar in bars]
    run_id = start_run(connection, "daily_bar", source)
    upsert(connection, DAILY_BAR, bars, source, run_id)
    adjust_prices(connection, run_id, min(days), max(days))
    connection.commit()


def now_at(database):
    """The warehouse's own clock; a later load is later."""
    ((moment,),) = database.rows("SELECT clock_timestamp()")
    return moment


def seoul(*parts: Any) -> datetime:
    """A moment in Seoul."""
    return datetime(*parts).replace(tzinfo=SEOUL)


@pytest.fixture
def reader(database):
    """A connection that can only read."""
    with database.connect("reader") as connection:
        yield connection


@pytest.fixture
def three_issues(connection):
    """Three instruments with a bar each on Thursday and Friday; one of them split on Friday, 1 to 50."""
    fill(connection)


@pytest.fixture(scope="module")
def filled(shared):
    """A database with these instruments for the tests of one module that commit nothing."""
    with shared.connect() as connection:
        fill(connection)
    return shared


@pytest.fixture
def filled_reader(filled):
    """A connection to it that can only read."""
    with filled.connect("reader") as connection:
        yield connection


def fill(connection):
    """List three instruments and load their bars."""
    list_issues(connection, issue(SAMSUNG), issue(LETTERS), issue(ZEROS))
    load(
        connection,
        [
            traded(THU, 2650000, 0), traded(FRI, 51900, -1100),
            traded(THU, 1000, 10, LETTERS), DailyBar(LETTERS, FRI, 0, 0, 0, 1000, 0, 0, 0),
            traded(THU, 777, 7, ZEROS), traded(FRI, 780, 3, ZEROS),
        ],
    )  # fmt: skip
