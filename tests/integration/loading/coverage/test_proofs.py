"""What is stored beside the rows of a cell: what proves it, why it is doubted, and what was asked for in vain.

Facts: 18 September 2026 is a Friday, 21 and 22 September are sessions; their figures are final at 20:00. An instrument
on the list has a bar on every session, halted or not.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.loading.coverage.cells import coverage, missing_cells
from data_pipeline.loading.coverage.proofs import contradictions, explained
from data_pipeline.market.window import Window
from tests.support.altered import EVENING, Altered

FRIDAY, MONDAY, TUESDAY = date(2026, 9, 18), date(2026, 9, 21), date(2026, 9, 22)
CODE = "000660"
FILL = Run(moment=EVENING, remember_empty=True)
PROOFS = "SELECT session, state, proof FROM market.proof ORDER BY session"
TWO_DAYS_BEFORE = """
    UPDATE market.proof SET figures = '{"asked_on": ["2026-09-23", "2026-09-24"]}' WHERE state = 'asked'
"""


def fitting(bars):
    """Leave Monday out, and let Tuesday's base price be Friday's close."""
    friday, _, tuesday = bars
    return [friday, replace(tuesday, change=tuesday.close - friday.close)]


def filled(bars):
    """Let Monday begin and end at Friday's close, so that Tuesday is as it was."""
    friday, tuesday = fitting(bars)
    at_rest = dict.fromkeys(("open", "high", "low", "close"), friday.close)
    monday = replace(friday, session=MONDAY, **at_rest, trading_value=friday.close * friday.volume, change=0)
    return [friday, monday, tuesday]


def torn(bars):
    """Leave Monday out; Tuesday's base price is Monday's close."""
    friday, _, tuesday = bars
    return [friday, tuesday]


@pytest.fixture
def contents(mock_list):
    """The instruments are there."""
    return mock_list


@pytest.fixture
def loader(database):
    """A connection of the owner; the warehouse lists one instrument."""
    with database.connect("owner") as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM market.instrument WHERE stock_code <> %s", (CODE,))
        yield connection


def load(connection, alter, dataset="daily_bar", first=FRIDAY, run=FILL):
    """Load up to Tuesday."""
    return load_window(connection, Altered(alter), DATASETS[dataset], Window((CODE,), first, TUESDAY), run)


def ask_three_times(connection, alter):
    """Ask on a third day after two others."""
    load(connection, alter)
    with connection, connection.cursor() as cursor:
        cursor.execute(TWO_DAYS_BEFORE)
    load(connection, alter)


def counts(connection, dataset):
    """Expected, loaded, known empty, missing, unproven and unproven-empty cells of all three sessions."""
    found = coverage(connection, FRIDAY, TUESDAY, dataset)
    names = ("expected", "loaded", "known_empty", "missing", "unproven", "unproven_empty")
    return tuple(sum(getattr(one, name) for one in found) for name in names)


def test_whole_minutes_are_stored_with_what_proves_them(loader, database):
    """The sum of the minutes' shares and the day's volume, which the answer told, are among the figures."""
    load(loader, lambda rows: rows, "minute_bar", TUESDAY)
    ((session, state, proof),) = database.rows(PROOFS)
    assert (session, state) == (TUESDAY, "whole")
    assert proof.startswith("its minutes join without a gap from the first one on")
    ((volume, told, shares),) = database.rows(
        "SELECT (figures ->> 'volume')::bigint, (figures ->> 'answer_day_volume')::bigint,"
        " (SELECT sum(volume) FROM market.minute_bar) FROM market.proof"
    )
    assert volume == told == shares > 0


def test_minutes_that_nothing_proves_are_stored_and_missing(loader, database):
    """One minute is refused: the others are there, coverage says that they are not proved, and healing asks again."""
    load(loader, lambda rows: [replace(one, volume=one.volume + 1) if not at else one for at, one in enumerate(rows)],
         "minute_bar", TUESDAY)  # fmt: skip
    ((_, state, doubt),) = database.rows(PROOFS)
    assert state == "doubted"
    assert "shares are left of" in doubt
    assert counts(loader, "minute_bar") == (1, 0, 0, 1, 1, 0)
    assert missing_cells(loader, "minute_bar", None, FRIDAY, TUESDAY) == {CODE: [(TUESDAY, TUESDAY)]}


@pytest.mark.thorough
def test_a_doubt_takes_no_proof_back(loader, database):
    """What was proved whole stays so when a later answer is a part of it."""
    load(loader, lambda rows: rows, "minute_bar", TUESDAY)
    load(loader, lambda rows: list(rows)[:100], "minute_bar", TUESDAY)
    assert [state for _, state, _ in database.rows(PROOFS)] == ["whole"]


def test_a_lost_minute_takes_the_proof_back(loader, database):
    """Nothing is known of the session any more."""
    load(loader, lambda rows: rows, "minute_bar", TUESDAY)
    with loader, loader.cursor() as cursor:
        cursor.execute("DELETE FROM market.minute_bar WHERE at = (SELECT max(at) FROM market.minute_bar)")
    assert database.rows(PROOFS) == []
    assert counts(loader, "minute_bar")[3] == 1


@pytest.mark.thorough
def test_a_bar_that_did_not_come_is_missing_on_the_first_two_days(loader, database):
    """The day on which it was asked for is remembered once, however often it was asked for."""
    load(loader, fitting)
    load(loader, fitting)
    assert database.rows("SELECT state, jsonb_array_length(figures -> 'asked_on') FROM market.proof") == [("asked", 1)]
    assert counts(loader, "daily_bar") == (3, 2, 0, 1, 0, 0)


@pytest.mark.thorough
def test_a_hole_between_bars_that_fit_is_unproven_empty_after_three_days(loader, database):
    """It is neither missing nor empty, and is asked for again on the next day."""
    ask_three_times(loader, fitting)
    ((session, state, _),) = database.rows(PROOFS)
    assert (session, state) == (MONDAY, "hole")
    assert counts(loader, "daily_bar") == (3, 2, 0, 0, 0, 1)
    assert missing_cells(loader, "daily_bar", None, FRIDAY, TUESDAY) == {}
    again = "SELECT ask_again - (market.now() AT TIME ZONE 'Asia/Seoul')::date FROM market.proof"
    assert database.rows(again) == [(1,)]


@pytest.mark.thorough
def test_a_hole_is_asked_for_again_when_its_day_has_come(loader):
    """Coverage does not call it missing, and healing asks for it all the same."""
    ask_three_times(loader, fitting)
    with loader, loader.cursor() as cursor:
        cursor.execute("UPDATE market.proof SET ask_again = ask_again - 1")
    assert missing_cells(loader, "daily_bar", None, FRIDAY, TUESDAY) == {CODE: [(MONDAY, MONDAY)]}


@pytest.mark.thorough
def test_a_hole_between_bars_that_contradict_each_other_stays_missing(loader):
    """Tuesday's base price is not Friday's close, so something happened on Monday."""
    ask_three_times(loader, torn)
    assert counts(loader, "daily_bar") == (3, 2, 0, 1, 0, 0)


@pytest.mark.thorough
def test_a_hole_without_a_bar_after_it_stays_missing(loader):
    """The newest bars of a range have nothing after them that could fit."""
    ask_three_times(loader, lambda bars: list(bars)[:2])
    assert counts(loader, "daily_bar") == (3, 2, 0, 1, 0, 0)


@pytest.mark.thorough
def test_a_bar_that_comes_after_all_fills_the_hole(loader, database):
    """Nothing is left beside its row."""
    ask_three_times(loader, fitting)
    load(loader, filled)
    assert database.rows(PROOFS) == []
    assert counts(loader, "daily_bar") == (3, 3, 0, 0, 0, 0)


@pytest.mark.thorough
def test_what_a_list_says_anew_reopens_a_hole(loader):
    """Perhaps the instrument was not listed as was thought, so the days of asking count no more."""
    ask_three_times(loader, fitting)
    with loader, loader.cursor() as cursor:
        cursor.execute("UPDATE market.instrument_history SET name = 'other' WHERE stock_code = %s", (CODE,))
    assert counts(loader, "daily_bar") == (3, 2, 0, 1, 0, 0)


def damaged(connection, statement):
    """What contradicts its proof after a statement, as text."""
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    return [
        f"{one}" for name in ("daily_bar", "minute_bar") for one in contradictions(connection, name, FRIDAY, TUESDAY)
    ]


@pytest.fixture
def whole(loader):
    """Bars and minutes of three sessions, all proved."""
    load(loader, lambda rows: rows)
    load(loader, lambda rows: rows, "minute_bar")
    assert damaged(loader, "SELECT 1") == []
    return loader


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("table", "damage", "problem"),
    [
        ("proof", "rows = rows + 1", "were proved to be whole"),
        ("proof", "figures = '{\"volume\": 7}'", "shares, and 7 were proved"),
        ("proof", "state = 'empty', rows = 0", "it is proved empty, and "),
        ("daily_bar", "volume = 1", "shares, and the daily bar has 1"),
        ("daily_bar", "high = low, open = low, close = low", "prices run from"),
        ("minute_bar", "stock_code = '999999'", "it is proved whole, and no minute is stored"),
        ("minute_bar", "trading_value = 3 * volume * high", "minutes is outside volume x low to high"),
    ],
)
def test_rows_that_contradict_their_proof_are_named(whole, table, damage, problem):
    """By dataset, instrument and session."""
    found = damaged(whole, f"UPDATE market.{table} SET {damage} WHERE session = '2026-09-21'")
    (monday,) = [one for one in found if one.startswith("minute_bar of 000660 on 2026-09-21: ")]
    assert problem in monday


def test_a_bar_of_a_session_without_a_listing_is_named(whole):
    """The list says that the instrument came on Monday, and a bar of Friday is stored."""
    statement = "UPDATE market.instrument SET listed_on = '2026-09-21', listed_from = '2026-09-21'"
    (found,) = damaged(whole, statement)
    assert found.startswith("daily_bar of 000660 on 2026-09-18: a bar is stored of a session on which no list")


def test_a_cell_is_explained(whole):
    """Its listing, what coverage says, the row that proves the day, and the proof of its minutes."""
    said = explained(whole, CODE, TUESDAY)
    assert said[0].startswith("it is on the list since ")
    assert said[1:3] == ["daily_bar: loaded", "minute_bar: loaded"]
    assert "its base price" in said[3]
    assert "is the close" in said[3]
    assert said[4].startswith("minute_bar: whole, because its minutes join without a gap")


def test_a_cell_of_which_nothing_is_known_is_explained(loader):
    """An instrument that no list has, and nothing stored."""
    assert explained(loader, "999999", TUESDAY) == [
        "no list has it on that session, so no cell of it must exist",
        "coverage expects nothing of it",
    ]
