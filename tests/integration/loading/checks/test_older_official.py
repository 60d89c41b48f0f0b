"""The exchange's row of the session before under the date of 22 September 2026, beside the brokers' bar of that day."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import WindowRefusedError
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import DailyBar, Instrument
from data_pipeline.market.window import Window
from tests.support.altered import EVENING, Altered
from tests.support.tables import DAILY_BAR

CODE, TUESDAY = "005930", date(2026, 9, 22)
SAMSUNG = Instrument(CODE, "KR7005930003", "삼성전자", "KOSPI", "ST", TUESDAY, date(1975, 6, 11))
STORED = "SELECT close, source FROM market.daily_bar"


def bar(close, change):
    """A bar of Tuesday that traded at one price."""
    return DailyBar(CODE, TUESDAY, close, close, close, close, 1000, 1000 * close, change)


@pytest.fixture
def official(database):
    """Loads the exchange's bar over the brokers', which closes at 72,000 after a base price of 71,000."""
    with database.connect("loader") as connection:
        keep_list(connection, [SAMSUNG], "mock")
        upsert(connection, DAILY_BAR, [bar(72_000, 1_000)], "mock")
        connection.commit()

        def load(of_exchange):
            told = Altered(lambda _: [of_exchange])
            told.name = "krx-sandbox"
            window = Window((CODE,), TUESDAY, TUESDAY)
            return load_window(connection, told, DATASETS["daily_bar"], window, Run(moment=EVENING))

        yield load


def test_the_row_of_the_session_before_is_refused(official, database):
    """It closes at 71,000, from which the brokers' bar counts, and counts from 70,500 itself: the brokers' stays."""
    with pytest.raises(WindowRefusedError, match="the row is of the session before"):
        official(bar(71_000, 500))
    assert database.rows(STORED) == [(72_000, "mock")]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("close", "change"),
    [(71_500, 500), (71_000, 0), (73_000, 2_500), (71_000, -1_000)],
    ids=["another close", "back at the base", "another base", "the brokers' bar is the older one"],
)
def test_any_other_row_of_the_exchange_replaces_the_brokers(official, database, close, change):
    """From one base price the close may differ; of two base prices the exchange's is believed."""
    assert official(bar(close, change))["updated"] == 1
    assert database.rows(STORED) == [(close, "krx-sandbox")]
