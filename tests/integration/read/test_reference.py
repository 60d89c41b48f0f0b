"""Issues, sessions and coverage as frames."""

from datetime import date

import pandas as pd
import pytest

from data_pipeline.exceptions import CalendarRangeError, IncompleteDataError, InvalidRequestError
from data_pipeline.read import coverage, instruments, trading_sessions
from tests.support.market_rows import FRI, LETTERS, MON, SAMSUNG, THU, TUE, ZEROS, issue, list_issues


def test_issues_as_they_stand(connection, reader):
    """Unknown figures are NA and NaT, codes keep their zeros, and the delisted ones are there."""
    list_issues(
        connection, issue(ZEROS, listed_on=None, halted=None, listed_shares=None), issue(SAMSUNG, listed_shares=5)
    )
    frame = instruments(connection=reader)
    assert frame["stock_code"].tolist() == [ZEROS, SAMSUNG]
    assert frame["listed_shares"].tolist() == [pd.NA, 5]
    assert frame["listed_on"][0] is pd.NaT
    assert frame["listed_on"][1] == pd.Timestamp(THU)
    assert frame["halted"][0] is pd.NA
    assert frame["halted"][1] == False  # noqa: E712 - NA would pass for "not True"
    assert str(frame["halted"].dtype) == "boolean"
    assert frame["preferred"].dtype == "bool"
    assert frame["name"].tolist() == ["종목 000020", "종목 005930"]


def test_issues_on_a_day(connection, reader):
    """As they stood then: the shares of then, without who came later, and without a hint of who left later."""
    list_issues(connection, issue(SAMSUNG, listed_shares=5), issue(ZEROS))
    list_issues(connection, issue(SAMSUNG, as_of=MON, listed_shares=250), issue(LETTERS, listed_on=MON, as_of=MON))
    frame = instruments(FRI, connection=reader)
    assert frame[["stock_code", "listed_shares"]].to_numpy().tolist() == [[ZEROS, pd.NA], [SAMSUNG, 5]]
    assert "delisted_on" not in frame.columns
    assert instruments(MON, connection=reader)["listed_shares"].dropna().tolist() == [250]
    assert instruments("2026-09-15", connection=reader)["stock_code"].tolist() == [ZEROS, LETTERS, SAMSUNG]


def test_issues_of_a_day_before_the_first_list(connection, reader):
    """Nobody knows who was listed then: an error and no empty frame."""
    with pytest.raises(IncompleteDataError, match="no list of instruments is stored yet"):
        instruments(connection=reader)
    list_issues(connection, issue(SAMSUNG, as_of=FRI))
    with pytest.raises(IncompleteDataError, match="2026-09-10 are not known: the first list stored is of 2026-09-11"):
        instruments(THU, connection=reader)


def test_sessions(connection, reader):
    """Weekends are left out, a day that only a source calls closed is not; the after-market ends the day at 20:00."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('kis')")
        cursor.execute("INSERT INTO market.trading_session (day, is_open, source) VALUES ('2026-09-15', false, 'kis')")
    connection.commit()
    frame = trading_sessions(FRI, "2026-09-16", connection=reader)
    assert frame["session"].tolist() == [pd.Timestamp(day) for day in (FRI, MON, date(2026, 9, 15), date(2026, 9, 16))]
    assert [at.isoformat() for at in frame["final_at"]][:2] == [
        "2026-09-11T18:00:00+09:00",
        "2026-09-14T20:00:00+09:00",
    ]
    assert frame["is_final"].dtype == "bool"
    assert trading_sessions("2026-09-12", "2026-09-13", connection=reader).empty
    with pytest.raises(CalendarRangeError):
        trading_sessions("1990-01-01", "1990-01-31", connection=reader)


def test_coverage(connection, reader, three_issues):
    """What must be there and what is, by hand: three instruments on two sessions, and none on the third."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO market.coverage_start SELECT 'daily_bar', stock_code, as_of FROM market.instrument")
    connection.commit()
    frame = coverage(THU, MON, "daily_bar", connection=reader)
    assert frame["session"].dt.day.tolist() == [10, 11, 14]
    assert frame[["expected", "loaded", "known_empty", "missing"]].to_numpy().tolist() == [
        [3, 3, 0, 0],
        [3, 3, 0, 0],
        [3, 0, 0, 3],
    ]
    assert coverage("2026-09-12", "2026-09-13", connection=reader).empty
    with pytest.raises(InvalidRequestError, match="dataset must be daily_bar, minute_bar"):
        coverage(THU, TUE, "daily_bars", connection=reader)
