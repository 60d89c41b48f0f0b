"""A wrong bar at the edge of what is stored: the true next one is refused because of it, and both are asked for again.

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


def load(connection, first, last=TUESDAY, alter=lambda bars: bars):
    """Load the bars of a range, the true ones unless they are altered."""
    return load_window(connection, Altered(alter), DATASETS["daily_bar"], Window((CODE,), first, last), FILL)


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
