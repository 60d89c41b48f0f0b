"""Frames of daily bars against a real Postgres; every expected value is worked out by hand."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from data_pipeline.exceptions import (
    CalendarRangeError,
    IncompleteDataError,
    InvalidRequestError,
    UnknownStockError,
)
from data_pipeline.loading.coverage.cells import unstored_cells
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.market.records import DailyBar
from data_pipeline.read import daily_bars
from tests.support.market_rows import (
    FRI,
    LETTERS,
    MON,
    PROOF,
    SAMSUNG,
    THU,
    TUE,
    WED,
    ZEROS,
    issue,
    list_issues,
    load,
    now_at,
    traded,
)

RAW = {
    "session": "datetime64[us]", "open": "int64", "high": "int64", "low": "int64", "close": "int64",
    "volume": "int64", "trading_value": "int64", "change": "int64",
}  # fmt: skip
ADJUSTED = dict.fromkeys(("open", "high", "low", "close", "volume", "change", "factor"), "float64")


def test_raw_bars(filled_reader):
    """Whole won as traded, sorted by code and session, both ends included; codes keep zeros and letters."""
    bars = daily_bars(None, THU, FRI, adjusted=False, connection=filled_reader)
    assert bars.drop(columns="session").to_numpy().tolist() == [
        [ZEROS, 777, 777, 777, 777, 100, 77700, 7, "krx"],
        [ZEROS, 780, 780, 780, 780, 100, 78000, 3, "krx"],
        [LETTERS, 1000, 1000, 1000, 1000, 100, 100000, 10, "krx"],
        [LETTERS, 0, 0, 0, 1000, 0, 0, 0, "krx"],
        [SAMSUNG, 2650000, 2650000, 2650000, 2650000, 100, 265000000, 0, "krx"],
        [SAMSUNG, 51900, 51900, 51900, 51900, 100, 5190000, -1100, "krx"],
    ]
    assert bars["session"].tolist() == [pd.Timestamp(2026, 9, 10), pd.Timestamp(2026, 9, 11)] * 3
    assert bars.dtypes.astype(str).drop(["stock_code", "source"]).to_dict() == RAW
    assert pd.api.types.is_string_dtype(bars["stock_code"])


def test_a_split_is_no_crash(filled_reader):
    """Prices before the split are divided by fifty, volumes multiplied; the value traded stays."""
    bars = daily_bars(SAMSUNG, THU, FRI, connection=filled_reader).set_index("session")
    assert bars["close"].tolist() == [53000.0, 51900.0]
    assert bars["volume"].tolist() == [5000.0, 100.0]
    assert bars["trading_value"].tolist() == [265000000, 5190000]
    assert bars["change"].tolist() == [0.0, -1100.0]
    assert bars["factor"].tolist() == [0.02, 1.0]
    assert bars.dtypes.astype(str)[list(ADJUSTED)].to_dict() == ADJUSTED


def test_the_split_counts_though_it_lies_after_the_range(filled_reader):
    """A price is in shares of the newest session that is stored, not of the range's last."""
    assert daily_bars([SAMSUNG], THU, THU, connection=filled_reader)["close"].tolist() == [53000.0]


def test_adjusted_bars_are_those_of_the_view(connection, reader):
    """Two actions, another instrument on the code and a gap: the same as market.daily_bar_adjusted, line by line."""
    list_issues(connection, issue(SAMSUNG), issue(LETTERS, listed_on=MON), issue(ZEROS))
    load(connection, [traded(THU, 10000, 0), traded(FRI, 5000, 0), traded(MON, 3750, 0), traded(TUE, 3760, 10)])
    load(connection, [traded(THU, 900, 0, LETTERS), traded(MON, 5000, 0, LETTERS), traded(TUE, 500, 0, LETTERS)])
    load(connection, [traded(THU, 1000, 0, ZEROS), traded(TUE, 500, 0, ZEROS), traded(WED, 250, 0, ZEROS)])
    bars = daily_bars(None, THU, WED, complete=False, connection=reader)
    names = ["open", "high", "low", "close", "volume", "change", "factor"]
    with reader.cursor() as cursor:
        columns = ", ".join(f"{name}::float8" for name in names)
        cursor.execute(f"SELECT {columns} FROM market.daily_bar_adjusted ORDER BY stock_code, session")
        expected = pd.DataFrame(cursor.fetchall(), columns=names, dtype="float64")
    pd.testing.assert_frame_equal(bars[names], expected, check_exact=True)
    assert bars["close"].tolist()[3:6] == [900.0, 500.0, 500.0]
    assert bars["close"].tolist()[6:] == [3750.0, 3750.0, 3750.0, 3760.0]


def test_an_unknown_factor_is_refused_or_nan(connection, reader):
    """With bars missing after them, adjusted prices are an error that names the code; asked for anyway they are NaN."""
    list_issues(connection, issue(SAMSUNG))
    load(connection, [traded(THU, 1000, 0), traded(TUE, 500, 0)])
    with pytest.raises(IncompleteDataError, match=r"1 cells have no known factor.*005930 on 2026-09-10.*fill the gap"):
        daily_bars(SAMSUNG, THU, THU, connection=reader)
    bars = daily_bars(SAMSUNG, THU, TUE, complete=False, connection=reader)
    assert math.isnan(bars["close"][0])
    assert math.isnan(bars["volume"][0])
    assert math.isnan(bars["factor"][0])
    assert bars["close"][1] == 500.0
    assert daily_bars(SAMSUNG, THU, THU, adjusted=False, connection=reader)["close"].tolist() == [1000]


def test_as_of_shows_the_price_before_its_correction(database, connection, reader):
    """A restated close is seen by those who ask as of now, and not by those who ask as of before."""
    list_issues(connection, issue(SAMSUNG))
    load(connection, [traded(THU, 1000, 0)], "kis")
    before = now_at(database)
    load(connection, [traded(THU, 1010, 10), traded(FRI, 1020, 10)])
    asked = {"adjusted": False, "connection": reader}
    assert daily_bars(SAMSUNG, THU, FRI, **asked)["close"].tolist() == [1010, 1020]
    then = daily_bars(SAMSUNG, THU, FRI, as_of=before, complete=False, **asked)
    assert then[["close", "source"]].to_numpy().tolist() == [[1000, "kis"]]
    assert daily_bars(SAMSUNG, THU, FRI, as_of=now_at(database), **asked)["close"].tolist() == [1010, 1020]


def test_factors_as_of_know_no_later_split(database, connection, reader):
    """A split loaded later does not reach back into what was known before it; one loaded by then does."""
    list_issues(connection, issue(SAMSUNG))
    load(connection, [traded(THU, 2650000, 0)])
    before = now_at(database)
    load(connection, [traded(FRI, 51900, -1100)])
    between = now_at(database)
    load(connection, [traded(MON, 25950, 0)])
    asked = {"complete": False, "connection": reader}
    assert daily_bars(SAMSUNG, THU, MON, as_of=before, **asked)["close"].tolist() == [2650000.0]
    assert daily_bars(SAMSUNG, THU, MON, as_of=between, **asked)["close"].tolist() == [53000.0, 51900.0]
    assert daily_bars(SAMSUNG, THU, THU, as_of=between, **asked)["factor"].tolist() == [0.02]
    assert daily_bars(SAMSUNG, THU, MON, **asked)["close"].tolist() == [26500.0, 25950.0, 25950.0]


def test_factors_as_of_take_a_correction_back(database, connection, reader):
    """A close that was wrong then makes the break that was seen then, which is gone from today's factors."""
    list_issues(connection, issue(SAMSUNG))
    load(connection, [traded(THU, 1000, 0), traded(FRI, 2000, 0)], "kis")
    wrong = now_at(database)
    load(connection, [traded(THU, 2000, 0)])
    asked = {"connection": reader, "complete": False}
    assert daily_bars(SAMSUNG, THU, FRI, as_of=wrong, **asked)["factor"].tolist() == [2.0, 1.0]
    assert daily_bars(SAMSUNG, THU, FRI, **asked)["factor"].tolist() == [1.0, 1.0]


def test_a_gap_as_of_then_is_unknown_then(database, connection, reader):
    """Bars that were missing then leave the factor unknown then, though they have come since."""
    list_issues(connection, issue(SAMSUNG))
    load(connection, [traded(THU, 1000, 0), traded(TUE, 500, 0)])
    then = now_at(database)
    load(connection, [traded(FRI, 600, -400), traded(MON, 500, -100)])
    factors = daily_bars(SAMSUNG, THU, TUE, as_of=then, complete=False, connection=reader)["factor"]
    assert math.isnan(factors[0])
    assert factors[1] == 1.0
    assert daily_bars(SAMSUNG, THU, TUE, complete=True, connection=reader)["factor"].tolist() == [1.0] * 4


def test_completeness_as_of_then(database, connection, reader):
    """What was stored later was missing then; sessions that were not final then are not asked for."""
    list_issues(connection, issue(SAMSUNG))
    early = now_at(database)
    load(connection, [traded(THU, 1000, 0), traded(FRI, 1000, 0)])
    with pytest.raises(IncompleteDataError, match=r"as of .*2 cells are neither stored"):
        daily_bars(SAMSUNG, THU, FRI, as_of=early, connection=reader)
    assert len(daily_bars(SAMSUNG, THU, FRI, as_of=now_at(database), connection=reader)) == 2
    assert daily_bars(SAMSUNG, THU, FRI, as_of="2026-09-10T12:00+09:00", connection=reader).empty


def test_a_cell_noted_as_empty_later_was_missing_then(database, connection, reader):
    """What was not known to be empty then is a hole then, in the range and in the line of prices."""
    list_issues(connection, issue(SAMSUNG))
    load(connection, [traded(THU, 1000, 0), traded(MON, 500, 0)])
    then = now_at(database)
    with connection.cursor() as cursor:
        cursor.execute(
            PROOF + "('daily_bar', %s, %s, 'empty', 'x', 0, 'krx')",
            (SAMSUNG, FRI),
        )
    connection.commit()
    with pytest.raises(IncompleteDataError, match=r": 1 cells are .*\(005930 on 2026-09-11\)"):
        daily_bars(SAMSUNG, THU, MON, as_of=then, connection=reader)
    factors = daily_bars(SAMSUNG, THU, MON, as_of=then, complete=False, connection=reader)["factor"]
    assert math.isnan(factors[0])
    now = daily_bars(SAMSUNG, THU, MON, as_of=now_at(database), connection=reader)
    assert now["factor"].tolist() == [0.5, 1.0]


def test_another_issue_on_a_code_as_of_then(database, connection, reader):
    """Factors do not reach beyond a listing, also when the new instrument begins at the old one's price."""
    list_issues(connection, issue(SAMSUNG, listed_on=MON, as_of=MON))
    load(connection, [traded(THU, 900, 0), traded(MON, 900, 0), traded(TUE, 450, 0)])
    bars = daily_bars(SAMSUNG, THU, TUE, as_of=now_at(database), connection=reader)
    assert bars["close"].tolist() == [900.0, 450.0, 450.0]


def test_a_hole_is_an_error(connection, reader, three_issues):
    """A cell that must exist and does not is named with what fills it; complete=False takes the rest."""
    list_issues(connection, issue("000040"))
    with pytest.raises(IncompleteDataError, match=r"2 cells .*000040 between 2026-09-10 and 2026-09-11\).*backfill"):
        daily_bars(None, THU, FRI, connection=reader)
    assert len(daily_bars(None, THU, FRI, complete=False, connection=reader)) == 6
    assert len(daily_bars([SAMSUNG, LETTERS], THU, FRI, connection=reader)) == 4


def test_a_range_beyond_what_is_loaded_is_an_error(filled_reader):
    """Sessions that nobody ever loaded, which coverage does not expect yet, are no silent end of the frame."""
    with pytest.raises(IncompleteDataError, match=r"3 cells .*on 2026-09-14"):
        daily_bars(None, THU, MON, connection=filled_reader)


def test_the_count_of_holes_is_that_of_the_cells(connection, reader, three_issues):
    """Known empty cells are no hole, also where a bar stands beside the note; the same cells as coverage's list."""
    with connection.cursor() as cursor:
        for code, day in ((ZEROS, MON), (ZEROS, FRI), (LETTERS, MON)):
            cursor.execute(
                PROOF + "('daily_bar', %s, %s, 'empty', 'x', 0, 'krx')",
                (code, day),
            )
    connection.commit()
    assert unstored_cells(reader, "daily_bar", None, THU, MON) == {SAMSUNG: [(MON, MON)]}
    with pytest.raises(IncompleteDataError, match=r": 1 cells .*\(005930 on 2026-09-14\)"):
        daily_bars(None, THU, MON, connection=reader)
    assert len(daily_bars([ZEROS, LETTERS], THU, MON, connection=reader)) == 4


def test_before_a_listing_and_after_a_delisting_nothing_is_missing(connection, reader):
    """An instrument has no cells on days it was not listed: an empty frame with every type in place."""
    list_issues(connection, issue(SAMSUNG, listed_on=MON, as_of=MON))
    bars = daily_bars(SAMSUNG, THU, FRI, adjusted=False, connection=reader)
    assert len(bars) == 0
    load(connection, [traded(MON, 1000, 0)])
    filled = daily_bars(SAMSUNG, MON, MON, adjusted=False, connection=reader)
    assert bars.dtypes.astype(str).to_dict() == filled.dtypes.astype(str).to_dict()


def test_both_lives_of_a_code_must_be_there(connection, reader):
    """A code that another instrument had before: the first life's gaps are missing, the day between the two is not."""
    after = replace(issue(SAMSUNG, listed_on=MON, as_of=MON), isin="KR7005931001")
    for listed in ([issue(SAMSUNG), issue(ZEROS)], [issue(ZEROS, as_of=FRI)], [after, issue(ZEROS, as_of=MON)]):
        keep_list(connection, listed, "krx")
        connection.commit()
    load(connection, [traded(MON, 1000, 0)])
    with pytest.raises(IncompleteDataError, match=r": 1 cells .*\(005930 on 2026-09-10\)"):
        daily_bars(SAMSUNG, THU, MON, connection=reader)
    load(connection, [traded(THU, 900, 0)])
    assert daily_bars(SAMSUNG, THU, MON, connection=reader)["session"].dt.date.tolist() == [THU, MON]


def test_a_holiday_is_empty(filled_reader):
    """A weekend holds no session, so the frame is empty and has its columns."""
    bars = daily_bars(None, "2026-09-12", "2026-09-13", connection=filled_reader)
    assert len(bars) == 0
    assert list(bars.columns)[:3] == ["stock_code", "session", "open"]


def test_an_unknown_code_is_an_error(filled_reader):
    """A code that was never listed nor stored is named, also beside good ones and without strictness."""
    with pytest.raises(UnknownStockError, match="the warehouse does not know stock_code '999999'"):
        daily_bars([SAMSUNG, "999999"], THU, FRI, complete=False, connection=filled_reader)


def test_a_stored_code_that_no_list_has_is_known(connection, reader, three_issues):
    """Bars of an instrument that left before the first list was stored can be read."""
    load(connection, [traded(THU, 50, 0, "012345")])
    assert daily_bars("012345", THU, THU, connection=reader)["close"].tolist() == [50.0]


def test_the_whole_market_of_an_empty_warehouse_is_an_error(reader):
    """Without a list of instruments nobody can tell what the whole market is."""
    with pytest.raises(IncompleteDataError, match="lists no instrument yet"):
        daily_bars(None, THU, FRI, connection=reader)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"codes": SAMSUNG, "first": FRI, "last": THU}, "first 2026-09-11 is after last 2026-09-10"),
        ({"codes": [], "first": THU, "last": FRI}, "codes is empty"),
        ({"codes": ["5930"], "first": THU, "last": FRI}, "six characters"),
        ({"codes": [5930], "first": THU, "last": FRI}, "six characters"),
        ({"codes": None, "first": "yesterday", "last": FRI}, "first must be a date"),
        ({"codes": None, "first": THU, "last": "2026-09-11T18:00"}, "last must be a date"),
        ({"codes": None, "first": THU, "last": FRI, "as_of": "2026-09-14 18:00"}, "moment with its zone"),
        ({"codes": None, "first": THU, "last": FRI, "as_of": pd.Timestamp(2026, 9, 14)}, "moment with its zone"),
        ({"codes": None, "first": THU, "last": FRI, "as_of": THU}, "moment with its zone"),
    ],
)
def test_wrong_arguments_are_refused_before_any_call(arguments, said):
    """The message says what is wanted; no warehouse is needed to hear it."""
    with pytest.raises(InvalidRequestError, match=said):
        daily_bars(**arguments, connection="postgresql://nobody@127.0.0.1:1/nothing")


def test_a_year_without_a_calendar_is_an_error(filled_reader):
    """Where the calendar does not reach nobody can tell what is missing."""
    with pytest.raises(CalendarRangeError):
        daily_bars(None, "1999-01-04", FRI, connection=filled_reader)


def test_dates_may_be_text_or_timestamps(filled_reader):
    """What notebooks have at hand: text, dates, pandas' midnights."""
    for first in ("2026-09-10", THU, pd.Timestamp("2026-09-10")):
        assert len(daily_bars(SAMSUNG, first, pd.Timestamp(FRI), connection=filled_reader)) == 2


def test_no_trade_is_told_by_the_volume(connection, reader):
    """A suspended session keeps its close; its open, high and low are 0 as in the warehouse, adjusted or not."""
    list_issues(connection, issue(SAMSUNG))
    load(connection, [traded(THU, 900, 0), DailyBar(SAMSUNG, FRI, 0, 0, 0, 900, 0, 0, 0), traded(MON, 450, 0)])
    bars = daily_bars(SAMSUNG, THU, MON, connection=reader)
    assert bars[["open", "close", "volume"]].to_numpy().tolist() == [
        [450.0, 450.0, 200.0],
        [0, 450.0, 0],
        [450, 450, 100],
    ]
