"""Minutes of an earlier answer that a proof of the whole session does not hold, on Tuesday, 22 September 2026.

The synthetic market has 381 minutes of 005930 on that day: 09:00 to 15:19 and the auction of 15:30.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import psycopg2
import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.loading.coverage.cells import missing_cells
from data_pipeline.loading.coverage.proofs import contradictions
from data_pipeline.loading.coverage.seals import months_to_verify, verify_month
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
STORED = "SELECT count(*) FROM market.minute_bar"
STATES = "SELECT state, proof, rows, (figures ->> 'taken_back')::int FROM market.proof WHERE dataset = 'minute_bar'"
KEPT = """
    SELECT operation, r.source, r.run_id, count(*), min(r.old_row ->> 'volume') FROM market.restatement r
    WHERE r.dataset = 'minute_bar' AND operation = 'delete' GROUP BY 1, 2, 3
"""
IDLE = DailyBar(CODE, TUESDAY, 0, 0, 0, 71_000, 0, 0, 0)


class Early(Altered):
    """A source whose minutes of one share each stand before the first true one, beside a few of the true ones."""

    def minute_bars(self, stock_codes, first, last):
        """Yield three wrong minutes and ten true ones; tell of a problem."""
        true = [*super().minute_bars(stock_codes, first, last)][:10]
        tell(MinuteEvidence(CODE, TUESDAY, 0, problem="a page was cut short"))
        wrong = replace(true[0], volume=1, trading_value=true[0].low)
        return [*(replace(wrong, at=wrong.at - timedelta(minutes=n)) for n in (1, 2, 3)), *true]


class Silent(Altered):
    """A source that has no minutes, and a head that says that nothing was traded."""

    def minute_bars(self, stock_codes, first, last):
        """Yield nothing."""
        tell(MinuteEvidence(CODE, TUESDAY, 0, day_volume=0))
        return iter(())


@pytest.fixture
def loader(database):
    """A connection of the loader with wrong minutes beside ten true ones; the warehouse lists the instrument."""
    with database.connect("loader") as connection:
        keep_list(connection, [SAMSUNG], "mock")
        connection.commit()
        load(connection, Early())
        yield connection


def load(connection, source):
    """Load the session's minutes."""
    return load_window(connection, source, DATASETS["minute_bar"], Window((CODE,), TUESDAY, TUESDAY), FILL)


def test_a_proof_of_the_whole_session_takes_back_what_it_does_not_hold(loader, database):
    """Three wrong minutes go, 381 true ones stay; who took them back and what they said is kept."""
    assert database.rows(STORED) == [(13,)]
    assert load(loader, Altered())["missing"] == 0
    assert database.rows(STORED) == [(381,)]
    assert [(state, rows, back) for state, _, rows, back in database.rows(STATES)] == [("whole", 381, 3)]
    ((run_id,),) = database.rows("SELECT max(run_id) FROM market.ingest_run")
    assert database.rows(KEPT) == [("delete", "mock", run_id, 3, "1")]


def test_seals_and_proofs_fit_what_is_left(loader):
    """Nothing that `verify` compares differs afterwards."""
    load(loader, Altered())
    (month,) = months_to_verify(loader, ["minute_bar"])
    assert verify_month(loader, month).findings == ()
    assert [*contradictions(loader, "minute_bar", TUESDAY, TUESDAY)] == []


def test_half_an_answer_takes_nothing_back(loader, database):
    """The first hundred true minutes prove nothing of the whole session: all that was stored stays."""
    load(loader, Altered(lambda bars: [*bars][:100]))
    assert database.rows(STORED) == [(103,)]
    assert database.rows(KEPT) == []


def test_minutes_of_a_source_that_ranks_higher_stay(loader, database):
    """They are of the sandbox of KIS: the cell stays missing, and says why."""
    with loader, loader.cursor() as cursor:
        cursor.execute("UPDATE market.minute_bar SET source = 'kis-sandbox'")
    assert load(loader, Altered())["missing"] == 1
    assert database.rows(STORED) == [(384,)]
    assert database.rows(KEPT) == []
    ((state, why, _, _),) = database.rows(STATES)
    assert (state, why) == (
        "doubted",
        "384 minutes of a source that ranks higher are stored, and this answer says otherwise",
    )


def test_an_empty_answer_takes_back_only_beside_a_bar_that_says_the_same(loader, database):
    """A head of 0 shares alone contradicts the minutes and settles nothing; with the daily bar of 0 they go."""
    assert load(loader, Silent())["missing"] == 1
    assert database.rows(STORED) == [(13,)]
    assert missing_cells(loader, "minute_bar", [CODE], TUESDAY, TUESDAY) == {CODE: [(TUESDAY, TUESDAY)]}
    with loader:
        upsert(loader, DAILY_BAR, [IDLE], "mock")
    assert load(loader, Silent())["missing"] == 0
    assert database.rows(STORED) == [(0,)]
    assert [state for state, *_ in database.rows(STATES)] == ["empty"]
    assert [(count, who) for _, who, _, count, _ in database.rows(KEPT)] == [(13, "mock")]


def test_the_loader_cannot_take_back_a_whole_session_by_itself(loader):
    """Without a minute to keep and without a daily bar of 0 the warehouse refuses."""
    with loader.cursor() as cursor, pytest.raises(psycopg2.DataError, match="no daily bar says that"):
        cursor.execute("SELECT market.supersede_minutes(%s, %s, '{}', 'mock', NULL)", (CODE, TUESDAY))
