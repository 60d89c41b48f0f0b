"""Adjusted prices against a real Postgres; every expected value is worked out by hand."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from data_pipeline.loading.prices.price_adjustment import adjust_all, adjust_prices
from data_pipeline.loading.rows.ingest_run import start_run
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import DailyBar, Instrument
from tests.support.market_rows import PROOF, keep_some
from tests.support.tables import DAILY_BAR

CODE = "005930"
THU, FRI, MON, TUE, WED = (date(2026, 9, day) for day in (10, 11, 14, 15, 16))


def traded(day, close, change, code=CODE, volume=100):
    """A bar that traded at one price."""
    return DailyBar(code, day, close, close, close, close, volume, volume * close, change)


def idle(day, close, code=CODE):
    """A bar of a suspended session."""
    return DailyBar(code, day, 0, 0, 0, close, 0, 0, 0)


SPLIT = [traded(THU, 2650000, 0), idle(FRI, 2650000), idle(MON, 2650000), traded(TUE, 51900, -1100)]
"""Samsung Electronics' split of 2018, 1 to 50, moved to other days: base 53,000 after 2,650,000."""


def load(connection, bars, source="krx"):
    """One window as the operator loads it; returns how many adjustments changed."""
    days = [bar.session for bar in bars]
    run_id = start_run(connection, "daily_bar", source)
    upsert(connection, DAILY_BAR, bars, source, run_id)
    changed = adjust_prices(connection, run_id, min(days), max(days))
    connection.commit()
    return changed


def events(database):
    """Every stored adjustment."""
    return database.rows(
        "SELECT session, kind, factor, previous_close, base_price FROM market.price_adjustment ORDER BY session"
    )


def adjusted(database, code=CODE):
    """Session, adjusted close and volume."""
    return database.rows(
        "SELECT session, close, volume FROM market.daily_bar_adjusted WHERE stock_code = %s ORDER BY session", code
    )


def test_a_split_after_a_suspension(database, connection):
    """The old prices are divided by fifty and their volumes multiplied, through the suspended sessions."""
    assert load(connection, SPLIT) == 1
    assert events(database) == [(TUE, "action", Decimal("0.02"), 2650000, 53000)]
    assert adjusted(database) == [
        (THU, Decimal(53000), Decimal(5000)),
        (FRI, Decimal(53000), Decimal(0)),
        (MON, Decimal(53000), Decimal(0)),
        (TUE, Decimal(51900), Decimal(100)),
    ]


def test_factors_multiply(database, connection):
    """Two actions in a row: the oldest price is multiplied by both ratios (1/2 and 3/4)."""
    load(connection, [traded(THU, 10000, 0), traded(FRI, 5000, 0), traded(MON, 3750, 0)])
    assert [close for _, close, _ in adjusted(database)] == [3750, 3750, 3750]


def test_the_same_bars_again_change_nothing(database, connection):
    """A repeated load leaves the adjustments as they were, their time included."""
    load(connection, SPLIT)
    before = database.rows("SELECT * FROM market.price_adjustment")
    assert load(connection, SPLIT) == 0
    assert database.rows("SELECT * FROM market.price_adjustment") == before


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1)])
def test_sessions_may_come_in_any_order(database, connection, order):
    """One window a session, in any order, ends with the same single event; no false one stays behind."""
    for place in order:
        load(connection, [SPLIT[place]])
    assert events(database) == [(TUE, "action", Decimal("0.02"), 2650000, 53000)]


def test_a_correction_takes_the_event_away(database, connection):
    """When the close before is corrected to the base, there was no action after all."""
    load(connection, [traded(THU, 1000, 0), traded(FRI, 2000, 0)])
    assert len(events(database)) == 1
    load(connection, [traded(THU, 2000, 0)])
    assert events(database) == []


def test_a_gap_is_not_guessed(database, connection):
    """With sessions missing in between nobody knows the factor: prices before are null until the gap is filled."""
    load(connection, [traded(THU, 1000, 0), traded(TUE, 500, 0)])
    assert events(database) == [(TUE, "gap", None, 1000, 500)]
    assert [close for _, close, _ in adjusted(database)] == [None, 500]
    load(connection, [traded(FRI, 600, -400), traded(MON, 500, -100)])
    assert events(database) == []
    assert [close for _, close, _ in adjusted(database)] == [1000, 600, 500, 500]


def test_known_empty_sessions_are_no_gap(database, connection):
    """Where the source truly has nothing (a suspension without rows), the bars around it adjoin."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('krx')")
        for day in (FRI, MON):
            cursor.execute(
                PROOF + "('daily_bar', %s, %s, 'empty', 'x', 0, 'krx')",
                (CODE, day),
            )
    load(connection, [traded(THU, 1000, 0), traded(TUE, 500, 0)])
    assert events(database) == [(TUE, "action", Decimal("0.5"), 1000, 500)]


def test_a_reused_code_is_another_issue(database, connection):
    """Prices of the instrument that left are not touched by the one that took its code, nor by its later split."""
    issue = Instrument(CODE, "KR7005930003", "갑", "KOSPI", "ST", WED, listed_on=MON)
    keep_some(connection, [issue], "krx")
    load(connection, [traded(THU, 900, 0), traded(MON, 5000, 0), traded(TUE, 500, -4500), traded(WED, 100, 0)])
    assert [(day, kind) for day, kind, *_ in events(database)] == [(MON, "listing"), (WED, "action")]
    assert [close for _, close, _ in adjusted(database)] == [900, 1000, 100, 100]


def test_a_move_to_another_board_is_the_same_issue(database, connection):
    """A new listing day without a session in between (a move from KOSDAQ to KOSPI) breaks nothing."""
    keep_some(connection, [Instrument(CODE, "KR7005930003", "갑", "KOSPI", "ST", WED, listed_on=FRI)], "krx")
    load(connection, [traded(THU, 900, 0), traded(FRI, 450, 0)])
    assert [kind for _, kind, *_ in events(database)] == ["action"]


def test_everything_anew(database, connection):
    """Bars deleted by hand are noticed by the full pass, which leaves the rest alone."""
    load(connection, SPLIT)
    load(connection, [replace(bar, stock_code="0001A0") for bar in SPLIT])
    with database.connect("owner") as owner, owner.cursor() as cursor:
        cursor.execute("DELETE FROM market.daily_bar WHERE stock_code = '005930' AND session = %s", (TUE,))
        owner.commit()
    assert adjust_all(connection) == 1
    connection.commit()
    assert database.rows("SELECT stock_code FROM market.price_adjustment") == [("0001A0",)]


def test_two_loads_of_adjoining_sessions_at_once(database, connection):
    """The second waits for the first one's bars, so the split between their sessions is not lost."""
    first, second = traded(THU, 1000, 0), traded(FRI, 500, 0)
    runs = [start_run(connection, "daily_bar", "krx") for _ in range(2)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT market.ensure_partitions('daily_bar', %s, %s)", (THU, FRI))
    connection.commit()

    def other():
        with database.connect() as mine:
            upsert(mine, DAILY_BAR, [second], "krx", runs[1])
            adjust_prices(mine, runs[1], FRI, FRI)
            mine.commit()

    upsert(connection, DAILY_BAR, [first], "krx", runs[0])
    adjust_prices(connection, runs[0], THU, THU)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(other)
        wait_for_lock(database)
        connection.commit()
        waiting.result()
    assert events(database) == [(FRI, "action", Decimal("0.5"), 1000, 500)]


def wait_for_lock(database):
    """Return when somebody waits for an advisory lock."""
    while not database.rows("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
        pass
