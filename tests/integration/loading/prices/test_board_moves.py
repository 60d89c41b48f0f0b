"""A move to another board (이전상장) with a public offering: it counts from the offer price, and splits no share.

The figures are those of reported moves: KONEX closed at 4,300, and KOSDAQ began on 4 September 2026 from 8,000.
"""

from __future__ import annotations

from datetime import date, datetime

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.loading.instruments.listing import stays_of
from data_pipeline.market.records import DailyBar, Instrument
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.read import daily_bars
from data_pipeline.sources.mock.source import MockDataSource
from tests.support.market_rows import keep_and_adjust

CODE = "900001"
TUE, WED, THU, FRI = (date(2026, 9, day) for day in (1, 2, 3, 4))
EVENING = datetime(2026, 9, 4, 20, 40, tzinfo=SEOUL)
FIRST_DAY = DailyBar(CODE, FRI, 16_000, 16_500, 13_000, 14_000, 100_000, 1_450_000_000, 6000)
TRADED = [DailyBar(CODE, THU, 4300, 4300, 4300, 4300, 10, 43_000, 0), FIRST_DAY]
HALTED = [
    DailyBar(CODE, WED, 4300, 4300, 4300, 4300, 10, 43_000, 0),
    DailyBar(CODE, THU, 0, 0, 0, 4300, 0, 0, 0),
    FIRST_DAY,
]
ADJUSTED = "SELECT session, close, factor FROM market.daily_bar_adjusted ORDER BY session"


class Given(MockDataSource):
    """A source with these bars."""

    def __init__(self, bars):
        super().__init__(clock=lambda: EVENING)
        self.bars = bars

    def daily_bars(self, stock_codes, first, last):
        """Yield those of the range."""
        return (bar for bar in self.bars if first <= bar.session <= last)


def tell(connection, session, market, listed_on, **more):
    """Load the list of a session."""
    one = Instrument(CODE, "KR7900001009", "가나전자", market, "ST", session, listed_on, **more)
    keep_and_adjust(connection, [one], "mock")
    connection.commit()


def tell_konex(connection):
    """The list of the first of September."""
    tell(connection, TUE, "KONEX", date(2020, 1, 6))


def tell_kosdaq(connection):
    """The list of the day of the move."""
    tell(connection, FRI, "KOSDAQ", FRI)


def load(connection, bars):
    """One window of all bars."""
    window = Window((CODE,), bars[0].session, bars[-1].session)
    return load_window(connection, Given(bars), DATASETS["daily_bar"], window, Run(moment=EVENING))


def line(bars, factor=1):
    """The closes of these bars, all but the last multiplied by a factor."""
    return [(bar.session, bar.close, factor if bar is not bars[-1] else 1) for bar in bars]


@pytest.mark.parametrize("bars", [TRADED, HALTED], ids=["traded before", "halted before"])
def test_a_move_with_an_offer_is_loaded_and_adjusts_nothing(database, connection, bars):
    """The bar of the first day comes in whatever the day before was, and closes before stay 4,300, not 8,000."""
    tell_konex(connection)
    tell_kosdaq(connection)
    counts = load(connection, bars)
    assert (counts["inserted"], counts["missing"]) == (len(bars), 0)
    assert database.rows("SELECT reason FROM market.rejected_row") == []
    assert database.rows(ADJUSTED) == line(bars)
    assert database.rows("SELECT * FROM market.price_adjustment") == []
    frame = daily_bars([CODE], THU, FRI, as_of=datetime(2027, 1, 1, tzinfo=SEOUL), connection=connection)
    assert list(frame["close"]) == [4300.0, 14_000.0]


def test_a_move_that_a_later_list_tells_of(database, connection):
    """Until then the base after a halt looks like a corporate action: 8,000 / 4,300."""
    tell_konex(connection)
    load(connection, HALTED)
    assert database.rows("SELECT kind, base_price, previous_close FROM market.price_adjustment") == [
        ("action", 8000, 4300)
    ]
    tell_kosdaq(connection)
    assert database.rows(ADJUSTED) == line(HALTED)


def test_a_move_that_the_newer_list_alone_tells_of(database, connection):
    """Its listing day is the session, and a bar of the session before is there: it was listed elsewhere."""
    tell_kosdaq(connection)
    load(connection, HALTED)
    assert database.rows(ADJUSTED) == line(HALTED)


def test_a_move_without_an_offer_is_an_ordinary_day(database, connection):
    """From KOSDAQ to KOSPI the base is the close before: nothing is adjusted, and a split later on is."""
    tell(connection, TUE, "KOSDAQ", date(2020, 1, 6))
    tell(connection, THU, "KOSPI", THU)
    bars = [
        DailyBar(CODE, WED, 10_000, 10_000, 10_000, 10_000, 10, 100_000, 0),
        DailyBar(CODE, THU, 10_500, 10_500, 10_500, 10_500, 10, 105_000, 500),
        DailyBar(CODE, FRI, 5250, 5250, 5250, 5250, 10, 52_500, 0),
    ]
    assert load(connection, bars)["inserted"] == 3
    assert [row[:2] for row in database.rows(ADJUSTED)] == [(WED, 5000), (THU, 5250), (FRI, 5250)]


def test_the_board_of_each_session_is_known(database, connection):
    """Before the move and before the first list it is KONEX; the day of the move knows what was left."""
    tell_konex(connection)
    tell(connection, date(2026, 9, 7), "KOSDAQ", FRI)
    with connection.cursor() as cursor:
        ((stay,),) = stays_of(cursor, [CODE], TUE).values()
    said = [(stay.on(day).market, stay.on(day).left_board) for day in (date(2026, 8, 3), THU, FRI, date(2026, 9, 8))]
    assert said == [("KONEX", None), ("KONEX", None), ("KOSDAQ", "KONEX"), ("KOSDAQ", None)]
    assert (stay.listed_on, stay.last_seen) == (date(2020, 1, 6), date(2026, 9, 7))


@pytest.mark.thorough
def test_the_move_of_the_synthetic_market(database, connection):
    """From KONEX on 12 November 2026: bars and lists of the week come in without a word, and nothing is adjusted."""
    source = MockDataSource(clock=lambda: datetime(2026, 11, 13, 20, 40, tzinfo=SEOUL))
    for day in (date(2026, 11, 11), date(2026, 11, 12)):
        load_window(connection, source, DATASETS["instrument"], Window((), day, day), Run())
    window = Window(("0021P0",), date(2026, 11, 9), date(2026, 11, 13))
    counts = load_window(connection, source, DATASETS["daily_bar"], window, Run())
    assert (counts["inserted"], counts["missing"]) == (5, 0)
    assert database.rows("SELECT warnings FROM market.ingest_run WHERE dataset = 'daily_bar'") == [({},)]
    assert database.rows("SELECT * FROM market.price_adjustment") == []
