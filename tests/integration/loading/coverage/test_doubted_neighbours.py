"""A wrong bar at the edge of what is stored: it contradicts the true next one, and both are asked for again.

Monday and Tuesday are 21 and 22 September 2026. 005930 truly closes on Monday at what Tuesday counts from.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import WindowRefusedError
from data_pipeline.loading.coverage.cells import missing_cells
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import Instrument
from data_pipeline.market.window import Window
from tests.support.altered import EVENING, Altered
from tests.support.tables import DAILY_BAR

CODE = "005930"
FRIDAY, MONDAY, TUESDAY = date(2026, 9, 18), date(2026, 9, 21), date(2026, 9, 22)
SAMSUNG = Instrument(CODE, "KR7005930003", "삼성전자", "KOSPI", "ST", TUESDAY, date(1975, 6, 11))
FILL = Run(moment=EVENING, remember_empty=True)
DOUBTED = "SELECT session, state, source FROM market.proof WHERE dataset = 'daily_bar' ORDER BY 1"
STORED = "SELECT session FROM market.daily_bar ORDER BY 1"


@pytest.fixture
def listed(database):
    """A connection to a warehouse that lists the instrument, and the true bars of Friday to Tuesday."""
    with database.connect("owner") as connection:
        keep_list(connection, [SAMSUNG], "mock")
        connection.commit()
        yield connection, [*Altered().daily_bars([CODE], FRIDAY, TUESDAY)]


def store(connection, *bars, source="mock"):
    """Put bars in the warehouse, past every check."""
    with connection:
        upsert(connection, DAILY_BAR, bars, source)


def wrong(bar):
    """The bar at two thirds of its prices."""
    prices = {name: getattr(bar, name) * 2 // 3 for name in ("open", "high", "low", "close")}
    return replace(bar, **prices, change=0, trading_value=bar.volume * prices["close"])


def higher(bar):
    """The bar at three times its prices, counting from three times the close before."""
    prices = {name: getattr(bar, name) * 3 for name in ("open", "high", "low", "close", "change", "trading_value")}
    return replace(bar, **prices)


def lower(bar, times):
    """The bar at a part of its prices, as after a corporate action that nobody announced."""
    prices = {name: getattr(bar, name) // times for name in ("open", "high", "low", "close", "change")}
    return replace(bar, **prices, trading_value=bar.volume * prices["close"])


def load(connection, first, last=TUESDAY, alter=lambda bars: bars):
    """Load the bars of a range, the true ones unless they are altered."""
    return load_window(connection, Altered(alter), DATASETS["daily_bar"], Window((CODE,), first, last), FILL)


@pytest.mark.thorough
def test_both_are_asked_for_again_and_mended(listed, database):
    """Tuesday is refused beside the wrong Monday: coverage lacks both, and one load of what it lacks mends them."""
    connection, (_, monday, tuesday) = listed
    load(connection, MONDAY, MONDAY, lambda bars: map(wrong, bars))
    with pytest.raises(WindowRefusedError):
        load(connection, TUESDAY)
    assert database.rows(DOUBTED) == [(MONDAY, "doubted", "mock")]
    assert missing_cells(connection, "daily_bar", [CODE], MONDAY, TUESDAY) == {CODE: [(MONDAY, TUESDAY)]}
    assert load(connection, MONDAY)["missing"] == 0
    assert database.rows(DOUBTED) == []
    assert missing_cells(connection, "daily_bar", [CODE], MONDAY, TUESDAY) == {}
    closes = database.rows("SELECT close FROM market.daily_bar ORDER BY session")
    assert closes == [(monday.close,), (tuesday.close,)]


@pytest.mark.thorough
def test_a_bar_that_joins_neither_side_is_doubted_when_the_next_one_comes(listed, database):
    """Nothing traded on Friday, Monday is at three times the price, and Tuesday counts from the true Monday."""
    connection, (friday, monday, tuesday) = listed
    store(connection, replace(friday, open=0, high=0, low=0, volume=0, trading_value=0, change=0))
    load(connection, MONDAY, MONDAY, lambda bars: map(higher, bars))
    assert database.rows(DOUBTED) == []
    load(connection, TUESDAY)
    assert database.rows(DOUBTED) == [(MONDAY, "doubted", "mock"), (TUESDAY, "doubted", "mock")]
    assert missing_cells(connection, "daily_bar", [CODE], MONDAY, TUESDAY) == {CODE: [(MONDAY, TUESDAY)]}
    load(connection, MONDAY, MONDAY)
    load(connection, TUESDAY)
    assert database.rows(DOUBTED) == []
    closes = database.rows("SELECT close FROM market.daily_bar ORDER BY session")
    assert closes == [(friday.close,), (monday.close,), (tuesday.close,)]


@pytest.mark.thorough
def test_what_a_second_answer_repeats_is_believed(listed, database):
    """Two actions follow each other: at half the price on Monday, at a quarter on Tuesday; asked again, both stand."""
    connection, (friday, *_) = listed
    store(connection, friday)
    load(connection, MONDAY, MONDAY, lambda bars: (lower(bar, 2) for bar in bars))
    load(connection, TUESDAY, alter=lambda bars: (lower(bar, 4) for bar in bars))
    assert [session for session, *_ in database.rows(DOUBTED)] == [MONDAY, TUESDAY]
    twice = {MONDAY: 2, TUESDAY: 4}
    load(connection, MONDAY, alter=lambda bars: (lower(bar, twice[bar.session]) for bar in bars))
    assert database.rows(DOUBTED) == []


@pytest.mark.thorough
def test_another_answer_that_joins_neither_side_proves_nothing(listed, database):
    """Monday at half and then at a third of its price, between a true Friday and a Tuesday at a quarter."""
    connection, (friday, _, tuesday) = listed
    store(connection, friday, lower(tuesday, 4))
    for times in (2, 3):
        load(connection, MONDAY, MONDAY, lambda bars, times=times: (lower(bar, times) for bar in bars))
        assert [session for session, *_ in database.rows(DOUBTED)] == [MONDAY, TUESDAY]
    load(connection, MONDAY, MONDAY, lambda bars: (lower(bar, 3) for bar in bars))
    assert [session for session, *_ in database.rows(DOUBTED)] == [TUESDAY]


@pytest.mark.thorough
def test_a_session_without_a_trade_that_is_told_twice_is_asked_for_again(listed, database):
    """Nothing was traded on Friday, Monday repeats it, and Tuesday counts from the close of the true Monday."""
    connection, (friday, monday, tuesday) = listed
    flat = {"open": 0, "high": 0, "low": 0, "volume": 0, "trading_value": 0, "change": 0}
    thursday = replace(friday, session=date(2026, 9, 17), **flat)
    stored = {
        thursday.session: thursday,
        FRIDAY: replace(friday, **flat),
        MONDAY: replace(friday, session=MONDAY, **flat),
    }
    assert monday.close != friday.close
    load(connection, thursday.session, alter=lambda bars: (stored.get(bar.session, bar) for bar in bars))
    assert [session for session, *_ in database.rows(DOUBTED)] == [MONDAY, TUESDAY]
    load(connection, MONDAY)
    assert database.rows(DOUBTED) == []
    closes = database.rows("SELECT close FROM market.daily_bar ORDER BY session")
    assert closes == [(friday.close,), (friday.close,), (monday.close,), (tuesday.close,)]


def test_a_bar_that_joins_the_one_before_it_is_not_doubted(listed, database):
    """Friday proves Monday, so Tuesday is the one that is wrong."""
    connection, (friday, monday, tuesday) = listed
    store(connection, friday, monday)
    with pytest.raises(WindowRefusedError):
        load(connection, TUESDAY, alter=lambda _: [replace(wrong(tuesday), change=-3 * tuesday.close)])
    assert database.rows(DOUBTED) == []


def test_the_exchanges_own_bar_is_not_doubted_by_a_brokers(listed, database):
    """It ranks higher; what is asked again is the refused session alone."""
    connection, (_, monday, _) = listed
    store(connection, wrong(monday), source="krx-sandbox")
    with pytest.raises(WindowRefusedError):
        load(connection, TUESDAY)
    assert database.rows(DOUBTED) == []
    assert database.rows(STORED) == [(MONDAY,)]


@pytest.mark.thorough
def test_a_bar_of_a_higher_rank_stands_between_two_that_it_does_not_join(listed, database):
    """The exchange's own, or a broker's, is not asked for again because of a source below it."""
    connection, (friday, monday, tuesday) = listed
    for source in ("krx-sandbox", "kis-sandbox"):
        with connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM market.daily_bar")
        store(connection, friday)
        store(connection, lower(monday, 2), source=source)
        load(connection, TUESDAY, alter=lambda _: [lower(tuesday, 4)])
        assert database.rows(DOUBTED) == []
