"""How fast bars come out of the warehouse as a frame or a file, beside what a user would write instead.

Every method reads the same daily bars from the same Postgres, each in a process of its own, in turns; the fastest of
its tries counts. `COPY to nowhere` is what the server alone takes. `peak_mb` is the largest resident size above that
after the imports. `speedup` is the time of `pandas.read_sql` (of the view of adjusted prices for adjusted ones) over
a method's own. `unchecked` leaves out the check that nothing is missing.

Examples:
    python -m benchmarks read
    python -m benchmarks read --rows 100000 --tries 1
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._read_worker import METHODS
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

FIRST, LAST = "2024-01-02", "2025-08-22"
SESSIONS = 400
ISSUES = """
    INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, preferred, source)
    SELECT lpad(i::text, 6, '0'), 'KR7005930003', 'issue ' || i, 'KOSPI', 'ST', DATE '2024-01-02', DATE '2000-01-04',
        false, 'mock' FROM generate_series(1, %(issues)s) i
"""
# Prices wander; each instrument splits 1 to 2 on its own session, so that half of the bars have a factor.
BARS = """
    INSERT INTO market.daily_bar
        (stock_code, session, open, high, low, close, volume, trading_value, change, source)
    SELECT lpad(i::text, 6, '0'), day.session, price, price + 500, price - 500, price,
        1000000 + (i * 7919 + n * 104729) %% 900000, price * 1000000, price - base, 'mock'
    FROM generate_series(1, %(issues)s) i
    CROSS JOIN (SELECT session, row_number() OVER (ORDER BY session) AS n FROM market.calendar_session
                WHERE session BETWEEN %(first)s AND %(last)s) day
    CROSS JOIN LATERAL (SELECT CASE WHEN n < 1 + i %% 399 THEN 2 ELSE 1 END AS shares) split
    CROSS JOIN LATERAL (SELECT (50000 + (i * 31 + n * 17) %% 1000 * 10)::bigint * shares AS price,
                               (50000 + (i * 31 + (n - 1) * 17) %% 1000 * 10)::bigint * shares AS base) prices
"""
ADJUSTMENTS = """
    INSERT INTO market.price_adjustment (stock_code, session, factor, previous_close, base_price, source)
    SELECT b.stock_code, b.session, 0.5, 2 * (b.close - b.change), b.close - b.change, 'mock'
    FROM market.daily_bar b
    JOIN (SELECT session, row_number() OVER (ORDER BY session) AS n FROM market.calendar_session
          WHERE session BETWEEN %(first)s AND %(last)s) day ON day.session = b.session
    WHERE n > 1 AND n = 1 + b.stock_code::integer %% 399
"""


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 1 when methods do not agree on the number of rows."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks read", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N", help="bars to read (1,000,000 unless told)")
    parser.add_argument("--tries", type=int, default=3, metavar="N", help="tries of each method (3 unless told)")
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    found: dict[str, list[dict[str, Any]]] = {method: [] for method in METHODS}
    console.print(f"{options.rows:,} bars ...")
    with _warehouse(max(1, options.rows // SESSIONS)) as url:
        for number in range(options.tries):
            console.print(f"try {number + 1} of {options.tries} ...")
            for method in METHODS:
                found[method].append(_once(method, url))
    runs = [_best(method, tries) for method, tries in found.items()]
    _compare(runs)
    _print(runs)
    print(json.dumps({"runs": runs}))
    return 0 if len({run["rows"] for run in runs}) == 1 else 1


@contextmanager
def _warehouse(issues: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="data-pipeline-read-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder, "postgres"), durable=False)
        server.start()
        try:
            migrate(server.url())
            with closing(connect(server.url())) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT market.admit_source('mock')")
                cursor.execute("SELECT market.ensure_partitions('daily_bar', %s, %s)", (FIRST, LAST))
                for statement in (ISSUES, BARS, ADJUSTMENTS):
                    cursor.execute(statement, {"issues": issues, "first": FIRST, "last": LAST})
                connection.commit()
                connection.autocommit = True
                cursor.execute("VACUUM ANALYZE")
            yield server.url(role="reader")
        finally:
            server.destroy()


def _once(method: str, url: str) -> dict[str, Any]:
    asked = json.dumps({"method": method, "url": url, "first": FIRST, "last": LAST})
    command = [sys.executable, "-m", "benchmarks._read_worker", asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{method} failed:\n{done.stderr[-3000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _best(method: str, tries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    fastest = min(tries, key=lambda one: one["seconds"])
    peak = max(one["peak_mb"] for one in tries)
    return {"method": method, **fastest, "peak_mb": peak, "rows_per_s": round(fastest["rows"] / fastest["seconds"])}


def _compare(runs: Sequence[dict[str, Any]]) -> None:
    seconds = {run["method"]: run["seconds"] for run in runs}
    for run in runs:
        adjusted = any(word in run["method"] for word in ("adjusted", "as of", "export"))
        peer = seconds["pandas.read_sql, adjusted" if adjusted else "pandas.read_sql"]
        run["speedup"] = round(peer / run["seconds"], 2)


def _print(runs: Sequence[dict[str, Any]]) -> None:
    table = Table("method", title="daily bars into a frame or a file")
    for name in ("rows", "seconds", "rows_per_s", "speedup", "peak_mb"):
        table.add_column(name, justify="right")
    for run in runs:
        table.add_row(
            run["method"], *(f"{run[name]:,}" for name in ("rows", "seconds", "rows_per_s", "speedup", "peak_mb"))
        )
    Console().print(table)
