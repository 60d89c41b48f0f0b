"""A server that is away or sends half of something, over HTTP into a warehouse: said in a sentence, nothing lost."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import IncompleteDataError, MaintenanceError, ServerFailureError, TransientError
from data_pipeline.market.window import Window
from data_pipeline.sources.factory import create_data_source
from tests.support.listed import TUESDAY

MONDAY, WEDNESDAY = date(2026, 9, 21), date(2026, 9, 23)
CODES = ("000660", "005930", "035420")
LISTS = "SELECT session, issues FROM market.instrument_list"
GONE = "SELECT count(*) FROM market.instrument WHERE delisted_on IS NOT NULL"
FAILED = "SELECT dataset, error FROM market.ingest_run WHERE error IS NOT NULL"


@pytest.fixture
def kis(settings, emulator):
    """The source, whose breaker is out of the way; no fault or other day is left behind."""
    with create_data_source("kis", settings | {"KIS_API_CIRCUIT_BREAKER_THRESHOLD": "1000"}) as source:
        yield source
    emulator.set_faults()
    emulator.set_clock("2026-09-22T21:40:00+09:00", frozen=True)


@pytest.fixture
def contents(kis_list):
    """The instruments are there."""
    return kis_list


@pytest.fixture
def loaded(connection):
    """A warehouse with Tuesday's list."""
    return connection


def list_of(connection, source, session):
    """Load the list of a session."""
    load_window(connection, source, DATASETS["instrument"], Window((), session, session), Run())


@pytest.mark.thorough
@pytest.mark.parametrize("dress", ["page", "cut_page", "empty", "redirect", "403", "408", "EGW00316", "unknown_code"])
def test_maintenance_blames_no_code(database, loaded, kis, emulator, dress):
    """The window fails as a whole and may be tried again: no code is named or in quarantine, and then all is loaded."""
    window = Window(CODES, MONDAY, MONDAY)
    emulator.set_faults({"kind": "maintenance", "value": dress, "path": "inquire-daily-itemchartprice"})
    with pytest.raises(TransientError):
        load_window(loaded, kis, DATASETS["daily_bar"], window, Run())
    assert database.rows("SELECT count(*) FROM market.daily_bar") == [(0,)]
    assert database.rows("SELECT count(*) FROM market.rejected_row") == [(0,)]
    ((table, error),) = database.rows(FAILED)
    assert table == "daily_bar"
    assert "inquire-daily-itemchartprice" in error
    assert "stock codes failed" not in error
    emulator.set_faults()
    assert load_window(loaded, kis, DATASETS["daily_bar"], window, Run())["inserted"] == 3


@pytest.mark.thorough
@pytest.mark.parametrize(("fault", "error", "said"), [
    ({"kind": "truncated"}, ServerFailureError, r"KIS KOSDAQ master: the zip file is cut short after [\d,]+ bytes"),
    ({"kind": "maintenance"}, MaintenanceError, "KIS KOSDAQ master: answered with a web page"),
])  # fmt: skip
def test_a_master_file_of_which_half_came(database, loaded, kis, emulator, fault, error, said):
    """It is said which file; Tuesday's list stays, nobody is delisted, and the next try loads Wednesday's."""
    before = database.rows(LISTS)
    emulator.set_clock("2026-09-23T21:40:00+09:00", frozen=True)
    emulator.set_faults({**fault, "path": "kosdaq_code.mst.zip"})
    with pytest.raises(error, match=said):
        list_of(loaded, kis, WEDNESDAY)
    assert (database.rows(LISTS), database.rows(GONE)) == (before, [(0,)])
    emulator.set_faults()
    list_of(loaded, kis, WEDNESDAY)
    assert [session for session, _ in database.rows(LISTS)] == [TUESDAY, WEDNESDAY]


@pytest.mark.thorough
def test_a_list_that_is_shorter_than_the_one_before(database, loaded, kis, emulator):
    """KOSDAQ without the end of its file: refused with both counts and what to do; all stays as on Tuesday."""
    before = database.rows(LISTS)
    ((listed,),) = database.rows("SELECT count(*) FROM market.instrument WHERE market = 'KOSDAQ'")
    emulator.set_clock("2026-09-23T21:40:00+09:00", frozen=True)
    emulator.set_faults({"kind": "short_page", "rows": int(0.94 * listed), "path": "kosdaq_code.mst.zip"})
    with pytest.raises(IncompleteDataError) as caught:
        list_of(loaded, kis, WEDNESDAY)
    assert f"from kis-sandbox holds {int(0.94 * listed)} instruments of KOSDAQ and lacks " in str(caught.value)
    assert f" of {listed} listed instruments" in str(caught.value)
    assert "load it again when the source has the whole list" in str(caught.value)
    assert (database.rows(LISTS), database.rows(GONE)) == (before, [(0,)])
    assert database.rows(FAILED) == [("instrument", f"IncompleteDataError: {caught.value}")]
    emulator.set_faults()
    list_of(loaded, kis, WEDNESDAY)
    assert [session for session, _ in database.rows(LISTS)] == [TUESDAY, WEDNESDAY]
