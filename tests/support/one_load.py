"""One load of daily bars over a connection that may break, and what it has to leave behind."""

import hashlib
import io
from contextlib import closing
from dataclasses import replace
from datetime import date

from data_pipeline.loading.rows.commit import commit_run
from data_pipeline.loading.rows.ingest_run import finish_run, start_run
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.records import DailyBar
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.errors import said_plainly
from tests.support.tables import DAILY_BAR

BAR = DailyBar("000000", date(2026, 9, 14), 70000, 71500, 69900, 71000, 1000, 70500000, 1420)
OLD = [replace(BAR, stock_code=f"{number:06d}") for number in range(1200)]
FRESH = [replace(bar, session=date(2026, 10, 1)) for bar in OLD]
MIXED = [*(replace(bar, volume=1001) if number % 10 == 0 else bar for number, bar in enumerate(OLD)), *FRESH[:50]]


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
