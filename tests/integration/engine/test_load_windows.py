"""Windows fetched side by side against a real Postgres: what one bad code, a failure and an end leave behind.

Fact: 21 and 22 September 2026 are Monday and Tuesday, and sessions.
"""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window, load_windows
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import CodesFailedError, IncompleteDataError, PayloadError, RequestTimeoutError
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource

TUESDAY = date(2026, 9, 22)
EVENING = "2026-09-22T20:40:00+09:00"


def query(connection, sql):
    """Rows, as of now."""
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def market():
    """The synthetic market on that evening."""
    return MockDataSource(clock=lambda: datetime.fromisoformat(EVENING))


class NoBars(MockDataSource):
    """The synthetic market, which has left out all daily bars."""

    def __init__(self):
        super().__init__(clock=lambda: datetime.fromisoformat(EVENING))

    def daily_bars(self, stock_codes, first, last):
        """Yield nothing."""
        return iter(())


MANY = ("000270", "000660", "005380", "005930", "035420")


class OneBad(MockDataSource):
    """The synthetic market, in which one code's bars cannot be read."""

    def __init__(self, bad="035420", error=PayloadError):
        super().__init__(clock=lambda: datetime.fromisoformat(EVENING))
        self.bad, self.error = bad, error
        self.asked = []

    def daily_bars(self, stock_codes, first, last):
        """Yield the true bars, after the error of the bad code."""
        self.asked += stock_codes
        if self.bad in stock_codes:
            raise self.error(f"{self.bad}: stck_clpr is not a number")
        return super().daily_bars(stock_codes, first, last)


class AllBad(OneBad):
    """A source whose every answer is malformed."""

    def daily_bars(self, stock_codes, first, last):
        """Refuse."""
        self.asked += stock_codes
        raise PayloadError("the answer has no output")


def load_many(connection, source, sessions_a_window=1):
    """Load the bars of five codes on two sessions, in windows of one or both."""
    days = [date(2026, 9, 21), TUESDAY]
    ranges = [(days[0], days[1])] if sessions_a_window == 2 else [(day, day) for day in days]
    windows = [Window(MANY, *one) for one in ranges]
    return [counts for _, counts in load_windows(connection, source, DATASETS["daily_bar"], windows, Run(), threads=1)]


def test_one_bad_code_is_listed_and_the_others_are_loaded(warehouse):
    """Four codes on two sessions are there, the fifth is named, its run says so, and it is asked for once."""
    source = OneBad()
    with pytest.raises(CodesFailedError, match=r"1 of 5 stock codes failed.*035420: PayloadError"):
        load_many(warehouse, source, sessions_a_window=2)
    assert query(warehouse, "SELECT count(*), count(DISTINCT stock_code) FROM market.daily_bar") == [(8, 4)]
    [(status, error)] = query(warehouse, "SELECT status, error FROM market.ingest_run")
    assert (status, error) == (
        "success",
        "1 of 5 stock codes failed, the others are loaded: 035420: PayloadError: 035420: stck_clpr is not a number",
    )
    assert source.asked.count("035420") == 1


def test_a_server_that_goes_away_fails_the_window_as_a_whole(warehouse):
    """What may pass by itself is not a matter of one code: nothing of the window is loaded, and no run stays open."""
    with pytest.raises(RequestTimeoutError):
        load_many(warehouse, OneBad(bad="005380", error=RequestTimeoutError))
    assert query(warehouse, "SELECT count(*) FROM market.daily_bar") == [(0,)]
    assert {row[0] for row in query(warehouse, "SELECT status FROM market.ingest_run")} == {"failed"}


@pytest.mark.thorough
def test_windows_begun_before_a_failure_say_so(warehouse):
    """The second window is under way when the first one is refused: both end, the second because of the first."""
    load_window(warehouse, market(), DATASETS["instrument"], Window((), TUESDAY, TUESDAY), Run())
    with pytest.raises(IncompleteDataError):
        load_many(warehouse, NoBars())
    found = query(warehouse, "SELECT error FROM market.ingest_run WHERE dataset = 'daily_bar'")
    errors = sorted(error for (error,) in found)
    assert len(errors) == 2
    assert errors[0].startswith("IncompleteDataError: not one bar")
    assert errors[1].startswith("given up: not one bar")


def test_a_source_at_which_everything_fails_is_not_asked_to_the_end(warehouse):
    """After 21 of 40 codes nobody believes that it is the codes."""
    source = AllBad()
    codes = tuple(f"{number:06d}" for number in range(40))
    windows = [Window(codes[start : start + 4], TUESDAY, TUESDAY) for start in range(0, len(codes), 4)]
    with pytest.raises(PayloadError):
        list(load_windows(warehouse, source, DATASETS["daily_bar"], windows, Run(), threads=1, most_rows=1))
    assert len(source.asked) < 40


class Paired(MockDataSource):
    """The synthetic market, which answers two calls together and notes which windows were not stored then."""

    def __init__(self):
        super().__init__(clock=lambda: datetime.fromisoformat(EVENING))
        self.pair = threading.Barrier(2, timeout=20)
        self.unstored = []

    def daily_bars(self, stock_codes, first, last):
        """Yield the true bars when another call is under way as well."""
        self.pair.wait()
        with closing(WarehouseHook("market_db").get_conn()) as connection:
            self.unstored += query(connection, "SELECT count(*) FROM market.ingest_run WHERE status = 'running'")
        self.pair.wait()
        return super().daily_bars(stock_codes, first, last)


def test_no_more_is_asked_for_and_not_stored_than_a_kill_may_cost(warehouse):
    """With room for two answers of a hundred rows, two windows are under way at any time, and never a third."""
    source = Paired()
    windows = [Window((code,), TUESDAY, TUESDAY) for code in (*MANY, "005490")]
    work = load_windows(warehouse, source, DATASETS["daily_bar"], windows, Run(), threads=8, most_rows=200)
    assert sum(counts["inserted"] for _, counts in work) == 6
    assert source.unstored == 6 * [(2,)]


def test_no_thread_outlives_a_load(warehouse):
    """Neither a finished load nor a failed one leaves a thread."""
    load_many(warehouse, market())
    with pytest.raises(RequestTimeoutError):
        load_many(warehouse, OneBad(error=RequestTimeoutError))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]


@pytest.mark.thorough
def test_a_code_that_was_delisted_before_the_window_is_not_asked_for(warehouse):
    """The others are loaded, and the error says when it left the list instead of calling it unknown."""
    old, left = date(2026, 9, 17), date(2026, 9, 18)
    known = [one for one in market().instruments(old) if one.stock_code in MANY]
    keep_list(warehouse, known, "mock")
    keep_list(warehouse, [replace(one, as_of=left) for one in known if one.stock_code != "035420"], "mock")
    warehouse.commit()
    source = OneBad()
    with pytest.raises(CodesFailedError, match="035420 was delisted on 2026-09-18: nothing of it exists from 2026-09"):
        load_many(warehouse, source)
    assert "035420" not in source.asked
    assert query(warehouse, "SELECT count(*) FROM market.daily_bar") == [(8,)]
