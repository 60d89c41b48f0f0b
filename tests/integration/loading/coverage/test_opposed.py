"""Two answers that each prove a cell of 005930 on Tuesday, 22 September 2026, and state different figures.

The synthetic market has 381 minutes of it on that day: 09:00 to 15:19 and the auction of 15:30.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date

import psycopg2
import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.loading.coverage.cells import coverage, missing_cells
from data_pipeline.loading.coverage.proofs import contradictions, explained
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.evidence import MinuteEvidence, tell
from data_pipeline.market.records import DailyBar, Instrument
from data_pipeline.market.window import Window
from tests.support.altered import EVENING, Altered
from tests.support.tables import DAILY_BAR

CODE, TUESDAY = "005930", date(2026, 9, 22)
SAMSUNG = Instrument(CODE, "KR7005930003", "삼성전자", "KOSPI", "ST", TUESDAY, date(1975, 6, 11))
FILL = Run(moment=EVENING, remember_empty=True)
REASON = "answers that each prove it state different figures"
PROOF = "SELECT state, proof, rows FROM market.proof WHERE dataset = %s"
CLOSE = "SELECT close, source FROM market.daily_bar"
OPENS = "SELECT count(*), sum(open - low) FROM market.minute_bar"
LACKING = {CODE: [(TUESDAY, TUESDAY)]}
FIRST, SECOND, THIRD = (
    DailyBar(CODE, TUESDAY, close, close, close, close, 1000, 1000 * close, 0) for close in (71_000, 72_000, 73_000)
)


@pytest.fixture
def loader(database):
    """A connection of the loader; the warehouse lists the instrument."""
    with database.connect("loader") as connection:
        keep_list(connection, [SAMSUNG], "mock")
        connection.commit()
        yield connection


def days(connection, bar, source="mock"):
    """Load a session's bar as this source tells it."""
    told = Altered(lambda _: [bar])
    told.name = source
    return load_window(connection, told, DATASETS["daily_bar"], Window((CODE,), TUESDAY, TUESDAY), FILL)


def minutes(connection, alter=lambda bars: bars, source=Altered):
    """Load the session's minutes."""
    window = Window((CODE,), TUESDAY, TUESDAY)
    return load_window(connection, source(alter), DATASETS["minute_bar"], window, FILL)


def narrow(bars):
    """The minutes with the prices of each at its low: a chain as unbroken as the true one."""
    return [replace(bar, open=bar.low, close=bar.low) for bar in bars]


class Half(Altered):
    """A source whose answer was cut short."""

    def minute_bars(self, stock_codes, first, last):
        """Yield the first hundred minutes at their lows."""
        bars = narrow(super().minute_bars(stock_codes, first, last))[:100]
        tell(MinuteEvidence(CODE, TUESDAY, 0, problem="a page was cut short"))
        return iter(bars)


@pytest.mark.thorough
def test_a_second_bar_with_other_figures_settles_nothing_and_loses_nothing(loader, database):
    """The first bar stays, and the cell is stored but unproven, named with its reason, and asked for again."""
    days(loader, FIRST)
    assert days(loader, SECOND)["missing"] == 1
    assert database.rows(CLOSE) == [(71_000, "mock")]
    assert database.rows(PROOF, ("daily_bar",)) == [("doubted", REASON, 1)]
    (covered,) = coverage(loader, TUESDAY, TUESDAY, "daily_bar")
    assert (covered.loaded, covered.missing, covered.unproven) == (0, 1, 1)
    assert missing_cells(loader, "daily_bar", [CODE], TUESDAY, TUESDAY) == LACKING


@pytest.mark.thorough
@pytest.mark.parametrize(("third", "close"), [(FIRST, 71_000), (SECOND, 72_000)], ids=["first", "second"])
def test_a_third_bar_that_agrees_with_one_settles_it(loader, database, third, close):
    """What two of three say is stored, and nothing is missing."""
    for bar in (FIRST, SECOND):
        days(loader, bar)
    assert days(loader, third)["missing"] == 0
    assert database.rows(CLOSE) == [(close, "mock")]
    assert database.rows(PROOF, ("daily_bar",)) == []
    assert missing_cells(loader, "daily_bar", [CODE], TUESDAY, TUESDAY) == {}


@pytest.mark.thorough
def test_three_bars_that_all_differ_stay_doubted_until_two_agree(loader, database):
    """A fourth answer like the third settles what three could not."""
    for bar in (FIRST, SECOND, THIRD):
        days(loader, bar)
    assert database.rows(CLOSE) == [(71_000, "mock")]
    assert missing_cells(loader, "daily_bar", [CODE], TUESDAY, TUESDAY) == LACKING
    days(loader, THIRD)
    assert database.rows(CLOSE) == [(73_000, "mock")]
    assert missing_cells(loader, "daily_bar", [CODE], TUESDAY, TUESDAY) == {}


@pytest.mark.thorough
def test_the_exchange_settles_what_the_brokers_contradict_each_other_about(loader, database):
    """Its own bar agrees with neither and is stored."""
    for bar in (FIRST, SECOND):
        days(loader, bar)
    assert days(loader, THIRD, "krx-sandbox")["missing"] == 0
    assert database.rows(CLOSE) == [(73_000, "krx-sandbox")]
    assert missing_cells(loader, "daily_bar", [CODE], TUESDAY, TUESDAY) == {}


@pytest.mark.thorough
@pytest.mark.parametrize(
    "sources", [("mock", "krx-sandbox"), ("krx-sandbox", "krx-sandbox")], ids=["the next morning", "of its own bar"]
)
def test_a_correction_by_the_exchange_is_no_contradiction(loader, database, sources):
    """Its bar replaces the brokers', and its own earlier one."""
    for bar, source in zip((FIRST, SECOND), sources, strict=True):
        assert days(loader, bar, source)["missing"] == 0
    assert database.rows(CLOSE) == [(72_000, "krx-sandbox")]
    assert database.rows(PROOF, ("daily_bar",)) == []


def test_a_bar_stored_before_its_session_was_final_is_no_proof(loader, database):
    """It was loaded long before the session's end, so the evening's bar replaces it."""
    with loader:
        upsert(loader, DAILY_BAR, [FIRST], "mock")
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("UPDATE market.daily_bar SET loaded_at = loaded_at - interval '400 days'")
    assert days(loader, SECOND)["missing"] == 0
    assert database.rows(CLOSE) == [(72_000, "mock")]


@pytest.mark.thorough
def test_what_was_changed_past_the_loader_is_no_proof(loader, database):
    """The session is not as it was sealed, so asking again repairs it at once."""
    days(loader, FIRST)
    with closing(psycopg2.connect(database.url("admin"))) as admin, admin, admin.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE market.daily_bar SET volume = 999")
    assert days(loader, FIRST)["missing"] == 0
    assert database.rows("SELECT volume FROM market.daily_bar") == [(1000,)]


@pytest.mark.thorough
def test_verify_and_explain_show_what_each_answer_said(loader):
    """Both name the figures that differ, who said them and in which run."""
    for bar in (FIRST, SECOND):
        days(loader, bar)
    (problem,) = contradictions(loader, "daily_bar", TUESDAY, TUESDAY)
    assert (problem.stock_code, problem.session) == (CODE, TUESDAY)
    for said in (str(problem), explained(loader, CODE, TUESDAY)[-1]):
        assert REASON in said
        assert "says open 71,000, high 71,000, low 71,000, close 71,000, trading_value 71,000,000" in said
        assert "says open 72,000, high 72,000, low 72,000, close 72,000, trading_value 72,000,000" in said


@pytest.mark.thorough
def test_whole_minutes_that_differ_from_whole_minutes_settle_nothing(loader, database):
    """All 381 of the first answer stay, and the session is asked for again."""
    minutes(loader)
    before = database.rows(OPENS)
    assert minutes(loader, narrow)["missing"] == 1
    assert database.rows(OPENS) == before
    assert database.rows(PROOF, ("minute_bar",)) == [("doubted", REASON, 381)]
    assert missing_cells(loader, "minute_bar", [CODE], TUESDAY, TUESDAY) == LACKING
    (problem,) = contradictions(loader, "minute_bar", TUESDAY, TUESDAY)
    assert "says other prices in some minutes" in str(problem)


@pytest.mark.thorough
@pytest.mark.parametrize(("third", "opens"), [(lambda bars: bars, False), (narrow, True)], ids=["first", "second"])
def test_a_third_answer_of_minutes_that_agrees_with_one_settles_it(loader, database, third, opens):
    """What two of three say is stored, and the session is whole."""
    minutes(loader)
    minutes(loader, narrow)
    assert minutes(loader, third)["missing"] == 0
    ((count, above),) = database.rows(OPENS)
    assert (count, above == 0) == (381, opens)
    assert [state for state, _, _ in database.rows(PROOF, ("minute_bar",))] == ["whole"]


@pytest.mark.thorough
def test_half_an_answer_changes_nothing_of_a_proved_session(loader, database):
    """Its hundred minutes say otherwise and are not written; the session stays whole."""
    minutes(loader)
    before = database.rows(OPENS)
    minutes(loader, source=Half)
    assert database.rows(OPENS) == before
    assert [state for state, _, _ in database.rows(PROOF, ("minute_bar",))] == ["whole"]
    assert [*contradictions(loader, "minute_bar", TUESDAY, TUESDAY)] == []


@pytest.mark.thorough
def test_half_an_answer_forgets_no_contradiction(loader, database):
    """What both whole answers said is still there afterwards."""
    minutes(loader)
    minutes(loader, narrow)
    minutes(loader, source=Half)
    assert database.rows(PROOF, ("minute_bar",)) == [("doubted", REASON, 381)]


def test_an_empty_answer_does_not_empty_a_proved_session(loader, database):
    """A head of 0 shares contradicts 381 whole minutes: they stay, and the session is doubted."""

    class Silent(Altered):
        def minute_bars(self, stock_codes, first, last):
            tell(MinuteEvidence(CODE, TUESDAY, 0, day_volume=0))
            return iter(())

    minutes(loader)
    minutes(loader, source=Silent)
    assert database.rows("SELECT count(*) FROM market.minute_bar") == [(381,)]
    assert database.rows(PROOF, ("minute_bar",)) == [("doubted", REASON, 381)]
