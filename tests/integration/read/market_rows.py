"""Rows to read, loaded as the pipeline loads them; every figure is written by hand."""

from datetime import date, datetime

from data_pipeline.loading.prices.price_adjustment import adjust_prices
from data_pipeline.loading.rows.ingest_run import start_run
from data_pipeline.loading.rows.tables import DAILY_BAR, INSTRUMENT
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import DailyBar, Instrument
from data_pipeline.market.trading_calendar import SEOUL

SAMSUNG, LETTERS, ZEROS = "005930", "0001A0", "000020"
THU, FRI, MON, TUE, WED = (date(2026, 9, day) for day in (10, 11, 14, 15, 16))


def traded(day, close, change, code=SAMSUNG, volume=100):
    """A bar that traded at one price."""
    return DailyBar(code, day, close, close, close, close, volume, volume * close, change)


def issue(code, listed_on=THU, as_of=THU, **more):
    """One listed issue."""
    return Instrument(code, "KR7005930003", f"종목 {code}", "KOSPI", "ST", as_of, listed_on=listed_on, **more)


def list_issues(connection, *issues, source="krx"):
    """Load a list of issues."""
    upsert(connection, INSTRUMENT, issues, source)
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


def seoul(*parts):
    """A moment in Seoul."""
    return datetime(*parts, tzinfo=SEOUL)
