"""Official bars replace provisional ones, and what they said otherwise stays readable."""

from dataclasses import replace
from datetime import date

import pytest

from data_pipeline.loading.prices.reconciliation import Comparison, reconcile
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.records import DailyBar, Instrument
from tests.support.market_rows import keep_some
from tests.support.tables import DAILY_BAR

SESSION = date(2026, 9, 15)
SAMSUNG = DailyBar("005930", SESSION, 69800, 71000, 69200, 70900, 11_089_851, 780_000_000_000, 1320)
HYNIX = replace(SAMSUNG, stock_code="000660")
OFFICIAL = replace(SAMSUNG, volume=11_435_506)
COLUMNS = "stock_code, kind, provisional, official, after_market, expected, provisional_source, official_source"


@pytest.fixture
def load(connection):
    """Load official bars as the operator does, committed."""

    def official(*bars, known=None):
        compared = reconcile(connection, bars, SESSION, "krx", None, known)
        counts = upsert(connection, DAILY_BAR, bars, "krx")
        connection.commit()
        return compared, counts

    return official


def provisional(connection, *bars):
    """Load what KIS said, committed."""
    counts = upsert(connection, DAILY_BAR, bars, "kis")
    connection.commit()
    return counts


def found(database):
    """Every difference written down."""
    return database.rows(f"SELECT {COLUMNS} FROM market.reconciliation ORDER BY stock_code, kind")


def test_differences_are_kept_and_bars_replaced(database, connection, load):
    """The official bar stands, and the volume that KIS had said is in the list."""
    provisional(connection, SAMSUNG, HYNIX)
    compared, counts = load(OFFICIAL, HYNIX, known=False)
    assert compared == Comparison(compared=2, different=1, unexpected=0)
    assert counts == LoadCounts(updated=2)
    assert found(database) == [("005930", "volume", 11_089_851, 11_435_506, True, True, "kis", "krx")]
    assert database.rows("SELECT DISTINCT source FROM market.daily_bar") == [("krx",)]


def test_a_difference_that_nobody_knows_about_is_not_unexpected(connection, load):
    """While the setting is not known, the after-market may explain it; an open that differs is explained by nothing."""
    provisional(connection, SAMSUNG, HYNIX)
    compared, _ = load(OFFICIAL, replace(HYNIX, open=HYNIX.open + 100))
    assert compared == Comparison(compared=2, different=2, unexpected=1)


def test_twice_changes_nothing(database, connection, load):
    """The second run compares nothing, keeps the list, and a late provisional bar is outranked."""
    provisional(connection, SAMSUNG)
    load(OFFICIAL, HYNIX)
    listed = found(database)
    assert listed == [
        ("000660", "missing_provisional", None, 70900, False, False, None, "krx"),
        ("005930", "volume", 11_089_851, 11_435_506, True, None, "kis", "krx"),
    ]
    assert load(OFFICIAL, HYNIX) == (Comparison(0, 0, 0), LoadCounts(unchanged=2))
    assert provisional(connection, SAMSUNG) == LoadCounts(outranked=1)
    assert found(database) == listed


def test_what_the_exchange_lacks(database, connection, load):
    """A provisional bar without an official one stays, and stays listed when it is found again."""
    provisional(connection, SAMSUNG, HYNIX)
    load(SAMSUNG)
    load(SAMSUNG)
    assert found(database) == [("000660", "missing_official", 70900, None, False, False, "kis", "krx")]


def test_without_provisional_bars_there_is_nothing_to_compare(database, load):
    """A warehouse that only knows KRX lists no thousand missing bars."""
    assert load(SAMSUNG)[0] == Comparison(0, 0, 0)
    assert found(database) == []


def test_what_krx_does_not_say_stays_as_it_was_known(database, connection):
    """The halt that the stock master told is kept when the base info of the same session comes later."""
    known = Instrument(
        "005930", "KR7005930003", "삼성전자", "KOSPI", "ST", SESSION, None, 100, 100.0, 69580, halted=True
    )
    keep_some(connection, [known], "kis")
    said = replace(known, listed_on=date(1975, 6, 11), base_price=None, halted=None, managed=None, liquidation=None)
    keep_some(connection, [said, replace(said, stock_code="000660")], "krx")
    connection.commit()
    rows = database.rows("SELECT halted, managed, base_price, listed_on FROM market.instrument ORDER BY stock_code")
    assert rows == [(None, None, None, date(1975, 6, 11)), (True, False, 69580, date(1975, 6, 11))]
    assert database.rows("SELECT count(*) FROM market.instrument_history WHERE halted IS NULL") == [(1,)]
