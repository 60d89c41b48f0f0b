"""Indices at a moment in a real Postgres: kept by moment, read, and never taken for the bar of their session.

Facts: 24 November 2026 is a session from 09:00 to 15:30; its figures are final that evening.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from data_pipeline import read
from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import IncompleteDataError, WindowRefusedError
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource

MON, TUE = date(2026, 11, 23), date(2026, 11, 24)
ELEVEN, EVENING = (datetime(2026, 11, 24, hour, 45, tzinfo=SEOUL) for hour in (11, 20))


def load(connection, dataset, at, session=TUE):
    """Load a session of the synthetic market as it stands at a moment, and return the counts."""
    source = MockDataSource(clock=lambda: at)
    return load_window(connection, source, DATASETS[dataset], Window((), session, session), Run(moment=at))


@pytest.mark.thorough
def test_two_minutes_are_two_rows_of_each_index(connection, database):
    """The same moment again changes nothing, and each row says what was seen when."""
    assert load(connection, "index_snapshot", ELEVEN)["inserted"] == 4
    assert load(connection, "index_snapshot", ELEVEN)["unchanged"] == 4
    assert load(connection, "index_snapshot", ELEVEN + timedelta(minutes=1))["inserted"] == 4
    with database.connect("reader") as reader:
        found = read.frame("index_snapshot", None, TUE, TUE, connection=reader)
    assert found[["family", "name"]].drop_duplicates().to_numpy().tolist() == [
        ["KOSDAQ", "코스닥"], ["KOSDAQ", "코스닥 150"], ["KOSPI", "코스피"], ["KOSPI", "코스피 200"]
    ]  # fmt: skip
    assert sorted({f"{at:%H:%M}" for at in found["observed_at"]}) == ["11:45", "11:46"]


@pytest.mark.thorough
def test_a_level_never_settles_a_session(connection, database):
    """Though every main index was seen on Tuesday, its bars are missing until they come."""
    load(connection, "index_bar", EVENING, MON)
    load(connection, "index_snapshot", ELEVEN)
    found = coverage(connection, MON, TUE, "index_bar")
    assert [(one.session, one.loaded, one.missing) for one in found] == [(MON, 4, 0), (TUE, 0, 4)]
    with database.connect("reader") as reader, pytest.raises(IncompleteDataError):
        read.index_bars(MON, TUE, connection=reader)
    load(connection, "index_bar", EVENING)
    assert coverage(connection, TUE, TUE, "index_bar")[0].missing == 0


def test_without_one_main_index_nothing_is_stored(connection, database):
    """The run says which one did not come."""

    class Three(MockDataSource):
        """A source that leaves the last index out."""

        def index_snapshots(self):
            return iter([*super().index_snapshots()][:3])

    source = Three(clock=lambda: ELEVEN)
    with pytest.raises(WindowRefusedError, match="KOSDAQ 코스닥 150 did not come"):
        load_window(connection, source, DATASETS["index_snapshot"], Window((), TUE, TUE), Run(moment=ELEVEN))
    assert database.rows("SELECT count(*) FROM market.index_snapshot") == [(0,)]
