"""A warehouse of the whole market, and a server of its pages in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime

import psycopg2
import uvicorn
from fastapi import Depends, FastAPI, Request
from starlette.middleware.gzip import GZipMiddleware

from data_pipeline.market.clock import SEOUL
from data_pipeline.pages.app import pages
from data_pipeline.pages.gate import Started
from data_pipeline.pages.readers import Readers, open_reader
from data_pipeline.pages.room import Room
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres

CODE = "000001"
NOW = datetime(2026, 9, 22, 21, 0, tzinfo=SEOUL)
FIRST, LATE, LAST = "2021-09-23", "2026-06-01", "2026-09-22"
ISSUES = """
    INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, listed_from,
        halted, managed, liquidation, preferred, source)
    SELECT lpad(i::text, 6, '0'), 'KR7005930003', '종목 ' || i, 'KOSPI', 'ST', DATE '2026-09-22', DATE '2000-01-04',
        DATE '2000-01-04', false, false, false, false, 'mock' FROM generate_series(1, 2700) i
"""
STARTS = """
    INSERT INTO market.coverage_start
    SELECT 'daily_bar', stock_code, CASE WHEN stock_code = '000001' THEN DATE '2021-09-23' ELSE DATE '2026-06-01' END
    FROM market.instrument
"""
BARS = """
    INSERT INTO market.daily_bar (stock_code, session, open, high, low, close, volume, trading_value, change, source)
    SELECT lpad(i::text, 6, '0'), session, price, price + 700, price - 600, price + (n * 131 %% 900 - 450),
        1000000 + (i * 7919 + n * 104729) %% 900000, price * 1000000, 100, 'mock'
    FROM generate_series(1, %(issues)s) i
    CROSS JOIN (SELECT session::date, row_number() OVER (ORDER BY session) AS n FROM market.calendar_session
                WHERE session BETWEEN %(first)s AND %(last)s) day
    CROSS JOIN LATERAL (SELECT (50000 + (i * 31 + n * 617) %% 4000 * 10)::bigint AS price) prices
    ON CONFLICT DO NOTHING
"""


def fill(url: str) -> None:
    """Store sixty sessions and more of the whole market, and five years of one instrument."""
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
        cursor.execute("SELECT market.ensure_partitions('daily_bar', %s, %s)", (FIRST, LAST))
        cursor.execute(ISSUES)
        cursor.execute(STARTS)
        cursor.execute(BARS, {"issues": 1, "first": FIRST, "last": LAST})
        cursor.execute(BARS, {"issues": 2700, "first": LATE, "last": LAST})
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute("ANALYZE")


class Open:
    """Lets everybody in."""

    @property
    def dependencies(self) -> list[object]:
        """None but one that costs nothing."""
        return [Depends(lambda: None)]

    async def may_stay(self, _request: Request) -> bool:
        """Return that everybody may."""
        return True

    async def user(self, _request: Request) -> str:
        """Return one name."""
        return "viewer"

    async def may_start(self, _request: Request, _name: str) -> bool:
        """Return that everybody may."""
        return True

    async def start(self, _request: Request, name: str, _conf: dict[str, object]) -> Started:
        """Start nothing."""
        return Started(404, name)

    def secret(self) -> bytes:
        """Return a key."""
        return b"of a benchmark"


@contextmanager
def serving(server: EmbeddedPostgres) -> Iterator[str]:
    """Serve the pages for the block, beside a heartbeat; yields their address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks._pages_server", server.url(role="reader"), str(port)]
    process = subprocess.Popen(command)
    try:
        _wait(f"http://127.0.0.1:{port}/heartbeat")
        yield f"http://127.0.0.1:{port}/data-pipeline/"
    finally:
        process.terminate()
        process.wait()


def _wait(address: str) -> None:
    for _ in range(600):
        if _answers(address):
            return
        time.sleep(0.1)
    raise RuntimeError("the server of the pages did not start")


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def application(url: str) -> FastAPI:
    """Return the pages and the heartbeat, compressed as Airflow's API server does."""
    app = FastAPI()
    app.mount("/data-pipeline", pages(Open(), Room(Readers(lambda: open_reader(url)), lambda: None, lambda: NOW)))

    @app.get("/heartbeat")
    def heartbeat() -> str:
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.005)")
        return "here"

    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    return app


if __name__ == "__main__":
    # Longer than anybody pauses, so that no viewer writes into a line that is being closed.
    uvicorn.run(
        application(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", timeout_keep_alive=120
    )
