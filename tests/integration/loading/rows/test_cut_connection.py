"""Loads over a connection that is cut: whatever is cut, the next try ends as an undisturbed load does."""

import random
from contextlib import closing
from datetime import date, datetime

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_windows
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import ConnectionFailedError
from data_pipeline.loading.rows.commit import commit_run
from data_pipeline.loading.rows.ingest_run import finish_run, start_run
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.warehouse.connect import connect
from tests.support.one_load import FRESH, MIXED, load, reset, state
from tests.support.tables import DAILY_BAR

POINTS = 50
"""For each way of loading; with two of them, a hundred."""


@pytest.mark.slow
@pytest.mark.parametrize(("records", "expect_empty"), [(FRESH, True), (MIXED, False)])
def test_cut_at_any_byte(database, proxy, records, expect_empty):
    """Fifty cuts at random bytes of either direction: the load is tried until it succeeds, and once is all it was."""
    url, chance = proxy.url(database.url()), random.Random(20261124)
    reset(database)
    proxy.sent = {"up": 0, "down": 0}
    load(url, records, expect_empty)
    whole, sent = state(database), dict(proxy.sent)
    for point in range(POINTS):
        reset(database)
        way = chance.choice(["up", "down"])
        proxy.cut(**{way: chance.randint(1, sent[way])})
        for _ in range(3):
            try:
                load(url, records, expect_empty)
                break
            except ConnectionFailedError:
                continue
        assert state(database) == whole, (point, way)
    assert proxy.cuts >= POINTS - 5


def test_cut_after_commit_was_sent(database, proxy):
    """The server has the COMMIT and its answer is lost: the load is a success, once, and said to be one."""
    reset(database)
    with closing(connect(proxy.url(database.url()))) as connection:
        run_id = start_run(connection, "daily_bar", "kis")
        connection.commit()
        counts = upsert(connection, DAILY_BAR, FRESH, "kis", run_id, expect_empty=True)
        finish_run(connection, run_id, counts)
        proxy.cut(after=b"COMMIT")
        with closing(commit_run(connection, run_id)) as newer:
            assert newer is not connection
            assert upsert(newer, DAILY_BAR, FRESH, "kis", run_id) == LoadCounts(unchanged=1200)
            newer.commit()
    assert database.rows("SELECT status, rows_inserted FROM market.ingest_run") == [("success", 1200)]


def test_work_goes_on_after_a_lost_answer(database, proxy):
    """A cut after the first window's COMMIT was sent: both windows are loaded and neither is called failed."""
    days = (date(2026, 9, 21), date(2026, 9, 22))
    source = MockDataSource(clock=lambda: datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL))
    windows = [Window(("000660", "005930"), day, day) for day in days]
    proxy.cut(after=b"COMMIT", once=b"status = 'success'")
    with closing(connect(proxy.url(database.url()))) as connection:
        counts = [one for _, one in load_windows(connection, source, DATASETS["daily_bar"], windows, Run(), threads=1)]
    assert [one["inserted"] for one in counts] == [2, 2]
    assert proxy.cuts == 1
    assert database.rows("SELECT status, rows_inserted FROM market.ingest_run") == [("success", 2)] * 2
    assert database.rows("SELECT count(*) FROM market.daily_bar") == [(4,)]


def test_why_a_load_broke_off_is_noted(database, proxy):
    """Its rows are gone with the connection; the run says so, over another one, and does not go on saying running."""
    source = MockDataSource(clock=lambda: datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL))
    windows = [Window(("000660", "005930"), date(2026, 9, 22), date(2026, 9, 22))]
    proxy.cut(before=b"status = 'success'")
    with closing(connect(proxy.url(database.url()))) as connection, pytest.raises(ConnectionFailedError):
        list(load_windows(connection, source, DATASETS["daily_bar"], windows, Run(), threads=1))
    [(status, error)] = database.rows("SELECT status, error FROM market.ingest_run")
    assert (status, "broke off" in error) == ("failed", True), error
    assert database.rows("SELECT count(*) FROM market.daily_bar") == [(0,)]


def test_cut_before_commit_was_sent(database, proxy):
    """The server never saw the COMMIT: the error says so, nothing is stored, and the run is not called a success."""
    reset(database)
    with closing(connect(proxy.url(database.url()))) as connection:
        run_id = start_run(connection, "daily_bar", "kis")
        connection.commit()
        finish_run(connection, run_id, upsert(connection, DAILY_BAR, FRESH, "kis", run_id))
        proxy.cut(before=b"COMMIT")
        with pytest.raises(ConnectionFailedError, match="broke off"):
            commit_run(connection, run_id)
    assert database.rows("SELECT status FROM market.ingest_run") == [("running",)]
    assert database.rows("SELECT count(*) FROM market.daily_bar") == [(1200,)]


def test_server_that_stays_away(database, proxy):
    """When nobody can be asked what became of a commit, the error says that loading again is safe."""
    reset(database)
    waits: list[float] = []
    with closing(connect(proxy.url(database.url()))) as connection:
        run_id = start_run(connection, "daily_bar", "kis")
        connection.commit()
        finish_run(connection, run_id, upsert(connection, DAILY_BAR, FRESH, "kis", run_id))
        proxy.cut(after=b"COMMIT")
        proxy.refuse()
        with pytest.raises(ConnectionFailedError, match="load it again, that is safe"):
            commit_run(connection, run_id, waits.append)
    assert waits == [0, 1, 2, 3, 4]


def test_a_failover_at_commit(database, proxy):
    """The new server takes no writes yet: nobody can say what became of the commit, and that may be tried again."""
    reset(database)
    waits: list[float] = []
    with closing(connect(proxy.url(database.url()))) as connection:
        run_id = start_run(connection, "daily_bar", "kis")
        connection.commit()
        finish_run(connection, run_id, upsert(connection, DAILY_BAR, FRESH, "kis", run_id))
        proxy.cut(after=b"COMMIT")
        with database.connect("admin") as admin, admin, admin.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
        with pytest.raises(ConnectionFailedError, match=r"takes no writes now.*load it again, that is safe"):
            commit_run(connection, run_id, waits.append)
    assert waits == [0, 1, 2, 3, 4]
