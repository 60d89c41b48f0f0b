"""Loads over a connection that is cut: whatever is cut, the next try ends as an undisturbed load does."""

import hashlib
import io
import random
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_windows
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import ConnectionFailedError
from data_pipeline.loading.rows.commit import commit_run
from data_pipeline.loading.rows.ingest_run import finish_run, start_run
from data_pipeline.loading.rows.upsert import LoadCounts, upsert
from data_pipeline.market.records import DailyBar
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.errors import said_plainly
from tests.support.tables import DAILY_BAR

BAR = DailyBar("000000", date(2026, 9, 14), 70000, 71500, 69900, 71000, 1000, 70500000, 1420)
OLD = [replace(BAR, stock_code=f"{number:06d}") for number in range(1200)]
FRESH = [replace(bar, session=date(2026, 10, 1)) for bar in OLD]
MIXED = [*(replace(bar, volume=1001) if number % 10 == 0 else bar for number, bar in enumerate(OLD)), *FRESH[:50]]
POINTS = 50
"""For each way of loading; with two of them, a hundred."""


def load(url, records, expect_empty):
    """Load one window as the operator does, from its own connection, and return the counts."""
    with closing(connect(url)) as connection:
        run_id = start_run(connection, "daily_bar", "kis")
        with said_plainly("ingest_run"):
            connection.commit()
        counts = upsert(connection, DAILY_BAR, iter(records), "kis", run_id, expect_empty=expect_empty)
        finish_run(connection, run_id, counts)
        if (newer := commit_run(connection, run_id)) is not connection:
            newer.close()
        return counts


def reset(database):
    """Only the old bars, and no trace of any load."""
    with database.connect("admin") as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE market.daily_bar, market.ingest_run, market.restatement")
        connection.commit()
    with database.connect() as connection:
        upsert(connection, DAILY_BAR, OLD, "kis")
        connection.commit()


def state(database):
    """A sha256 over all bars and kept versions in order, and how the runs that ended did."""
    with database.connect("owner") as connection, connection.cursor() as cursor:
        text = io.StringIO()
        for query in (
            "SELECT stock_code, session, open, low, close, volume, source FROM market.daily_bar ORDER BY 1, 2",
            "SELECT stock_code, session, old_row ->> 'volume' FROM market.restatement ORDER BY 1, 2",
        ):
            cursor.copy_expert(f"COPY ({query}) TO STDOUT", text)
        cursor.execute("SELECT count(*) FROM market.ingest_run WHERE status = 'success'")
        return hashlib.sha256(text.getvalue().encode()).hexdigest(), cursor.fetchone()[0]


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
