"""Any instrument and any session of the synthetic market, for tests that draw them."""

from __future__ import annotations

from datetime import date, datetime

from hypothesis import strategies as st

from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.sources.mock.market import SyntheticMarket

codes = st.sampled_from(sorted(SyntheticMarket()._issues))
sessions = st.sampled_from(krx_calendar().sessions(date(2001, 1, 3), date(2027, 12, 31)))


def seoul(day: date, hour: int, minute: int, second: int = 0) -> datetime:
    """A moment in Seoul."""
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=SEOUL)
