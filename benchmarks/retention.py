"""Years of data: what it takes to let a month of minutes go, to bring a backup back, and to plan over 25 years.

A month of minutes (381 a session and code) is written into a Parquet file, proved and dropped, beside what a DELETE of
one session costs; the warehouse is backed up and restored by the commands, into an embedded server that was never
started before. Planning times are the medians of EXPLAIN, with a partition for each month of 25 years.

Examples:
    python -m benchmarks retention
    python -m benchmarks retention --codes 20
    python -m benchmarks retention --full      2,700 codes, 21 million rows: an hour, and 15 GB of disk
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from psycopg2.extensions import connection as Connection  # noqa: N812
from rich.console import Console
from rich.table import Table

from data_pipeline.datasets import DATASETS
from data_pipeline.read import minute_bars
from data_pipeline.read.archive.files import write_month
from data_pipeline.read.archive.let_go import keep_in_file
from data_pipeline.read.connection import reading
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

MONTH, NEXT = date(2024, 3, 1), date(2024, 4, 1)
MARKET = 2700
TARGETS = {
    "drop_s": "< 5",
    "drop_restatement_bytes": "0",
    "restore_commands": "1",
    "verify_findings": "0",
    "frames_differ": "0",
    "plan_minutes_month_ms": "<= 5",
    "plan_minutes_at_ms": "<= 5",
    "plan_minutes_at_check_ms": "<= 5",
    "plan_days_month_ms": "<= 5",
    "plan_days_year_ms": "<= 5",
    "plan_days_5_years_ms": "<= 5",
}
FILL = """
    INSERT INTO market.minute_bar (stock_code, at, session, open, high, low, close, volume, trading_value, source)
    SELECT lpad(i::text, 6, '0'), (%(day)s + TIME '09:00') AT TIME ZONE 'Asia/Seoul' + m * interval '1 minute', %(day)s,
        price, price + 50, price - 50, price, shares, price * shares, 'mock'
    FROM generate_series(1, %(codes)s) i, generate_series(0, 380) m,
        LATERAL (SELECT (50000 + (i * 7919 + m * 104729) %% 1000 * 10)::bigint AS price,
            (1 + (i + m) %% 900)::bigint AS shares) x
"""
LIST = """
    INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, preferred, source)
    SELECT lpad(i::text, 6, '0'), 'KR7005930003', 'issue ' || i, 'KOSPI', 'ST', DATE '2024-01-02', DATE '2000-01-04',
        false, 'mock' FROM generate_series(1, %s) i
"""
PLANS = {
    "plan_minutes_month_ms": "minute_bar WHERE stock_code = '005930' AND session BETWEEN '2020-03-01' AND '2020-03-31'",
    "plan_minutes_at_ms": "minutes('{005930}', '2020-03-03 09:00+09', '2020-03-04 09:00+09')",
    "plan_minutes_at_check_ms": "minute_bar WHERE stock_code = '005930' AND at >= '2020-03-03 09:00+09' "
    "AND at < '2020-03-04 09:00+09'",
    "plan_days_month_ms": "daily_bar WHERE stock_code = '005930' AND session BETWEEN '2020-03-01' AND '2020-03-31'",
    "plan_days_year_ms": "daily_bar WHERE stock_code = '005930' AND session BETWEEN '2020-01-01' AND '2020-12-31'",
    "plan_days_5_years_ms": "daily_bar WHERE stock_code = '005930' AND session BETWEEN '2016-01-01' AND '2020-12-31'",
}
Value = TypeVar("Value")


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 1 when rows were lost or a command failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks retention", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codes", type=int, default=300, metavar="N", help="codes in the month (300)")
    parser.add_argument("--full", action="store_true", help=f"all {MARKET:,} codes of a market")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a plain kill stops the servers too
    with tempfile.TemporaryDirectory(prefix="data-pipeline-retention-") as folder:
        Path(folder).chmod(0o711)
        result = measure(Path(folder), MARKET if options.full else options.codes, Console(stderr=True))
    table = Table("figure", "value", "wanted", title="retention")
    for name, value in result.items():
        table.add_row(name, f"{value:,}", TARGETS.get(name, ""))
    Console().print(table)
    print(json.dumps(result))
    return 1 if result["verify_findings"] or result["frames_differ"] or result["drop_restatement_bytes"] else 0


def measure(folder: Path, codes: int, console: Console) -> dict[str, Any]:
    """Return the figures; everything that is made lies in the folder."""
    server = EmbeddedPostgres(folder / "postgres")
    with server:
        console.print(f"filling a month with {codes:,} codes ...")
        migrate(server.url())
        with closing(connect(server.url(), statement_timeout=None)) as owner:
            result = _filled(owner, codes)
            console.print("backing up and restoring ...")
            result |= _brought_back(server, folder)
            console.print("letting the month go ...")
            result |= _deleted(owner)
            result |= _let_go(owner, folder / "files")
        console.print("planning over 25 years ...")
        server.create_database("planning")
        migrate(server.url("planning"))
        with closing(connect(server.url("planning"))) as owner:
            result |= _planned(owner)
    server.destroy()
    return result


def _filled(owner: Connection, codes: int) -> dict[str, Any]:
    with owner.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
        cursor.execute("SELECT market.ensure_partitions('minute_bar', %s, %s)", (MONTH, NEXT))
        cursor.execute(LIST, (codes,))
        cursor.execute(
            "SELECT session FROM market.calendar_session WHERE session BETWEEN %s AND %s ORDER BY 1", (MONTH, NEXT)
        )
        for (day,) in cursor.fetchall():
            cursor.execute(FILL, {"day": day, "codes": codes})
            owner.commit()
    return {"rows": _one(owner, "SELECT sum(rows)::bigint FROM market.seal WHERE session < %s", NEXT)}


def _brought_back(server: EmbeddedPostgres, folder: Path) -> dict[str, Any]:
    path = folder / "market.dump"
    _, backup_s = _timed(lambda: _command(folder, {"MARKET_DB_URL": server.url()}, "backup", path))
    _, restore_s = _timed(lambda: _command(folder, {}, "restore", path))
    told, verify_s = _timed(lambda: _command(folder, {}, "verify", "--json"))
    found = json.loads(told.splitlines()[-1])
    fresh = EmbeddedPostgres(folder / "fresh" / "postgres")
    fresh.destroy()
    size = path.stat().st_size
    path.unlink()
    return {
        "backup_s": backup_s, "backup_bytes": size, "restore_s": restore_s, "restore_commands": 1,
        "verify_s": verify_s, "verify_rows": found["rows"],
        "verify_findings": len(found["findings"]) + len(found["contradictions"]),
    }  # fmt: skip


def _command(folder: Path, more: dict[str, str], *words: object) -> str:
    """Run the command in an installation that was never used, and return what it printed; its failure ends all."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KIS_", "KRX_", "MARKET_"))}
    own = {**kept, "DATA_PIPELINE_HOME": str(folder / "fresh"), "PYTHONPATH": os.pathsep.join(sys.path), **more}
    done = subprocess.run(
        [sys.executable, "-m", "data_pipeline", *map(str, words)], cwd=folder, env=own, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode > 1:
        raise SystemExit(f"data-pipeline {words[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def _deleted(owner: Connection) -> dict[str, Any]:
    """Delete the one session of the next month, as was done before there was another way."""
    rows = _one(owner, "SELECT count(*) FROM market.minute_bar WHERE session >= %s", NEXT)
    size = _restated(owner)

    def delete() -> None:
        with owner, owner.cursor() as cursor:
            cursor.execute("DELETE FROM market.minute_bar WHERE session >= %s", (NEXT,))

    _, seconds = _timed(delete)
    return {"delete_rows": rows, "delete_s": seconds, "delete_restatement_bytes": _restated(owner) - size}


def _let_go(owner: Connection, folder: Path) -> dict[str, Any]:
    os.environ["ARCHIVE_FOLDER"] = str(folder)
    code = "000001"
    before, stored_s = _timed(lambda: minute_bars(code, MONTH, NEXT, complete=False, connection=owner))
    path = folder / "minute_bar" / "minute_bar-2024-03.parquet"
    with reading(owner, "minutes") as cursor:
        _, write_s = _timed(lambda: write_month(cursor, DATASETS["minute_bar"], MONTH, path))
    kept, prove_file_s = _timed(lambda: keep_in_file(owner, "minute_bar", MONTH, folder))
    size, restated = _one(owner, "SELECT pg_total_relation_size('market.minute_bar_2024_03')"), _restated(owner)
    with owner.cursor() as cursor:
        _, prove_s = _timed(lambda: cursor.execute("SELECT market.prove_month('minute_bar', %s)", (MONTH,)))
        statement = "SELECT market.drop_month('minute_bar', %s, %s, %s, %s)"

        def drop() -> None:
            cursor.execute(statement, (MONTH, *kept))
            owner.commit()

        _, drop_s = _timed(drop)
    after, archived_s = _timed(lambda: minute_bars(code, MONTH, NEXT, complete=False, connection=owner))
    return {
        "write_s": write_s, "file_bytes": path.stat().st_size, "month_bytes": size, "prove_file_s": prove_file_s,
        "prove_s": prove_s, "drop_s": drop_s, "drop_restatement_bytes": _restated(owner) - restated,
        "read_stored_s": stored_s, "read_archived_s": archived_s, "frames_differ": int(not before.equals(after)),
    }  # fmt: skip


def _planned(owner: Connection) -> dict[str, Any]:
    with owner.cursor() as cursor:
        for year in range(2001, 2026):
            for table in ("minute_bar", "daily_bar"):
                whole = (table, date(year, 1, 1), date(year, 12, 31))
                cursor.execute("SELECT market.ensure_partitions(%s, %s, %s)", whole)
            owner.commit()
        found: dict[str, float] = {}
        for name, query in PLANS.items():
            times: list[float] = []
            for _ in range(11):
                cursor.execute(f"EXPLAIN (SUMMARY, FORMAT JSON) SELECT * FROM market.{query}")
                times.append(list[Any](cursor.fetchone() or ())[0][0]["Planning Time"])
            found[name] = round(median(times[1:]), 2)  # the first reads the catalog
    return {"partitions": 300, **found}


def _restated(owner: Connection) -> int:
    return int(_one(owner, "SELECT pg_total_relation_size('market.restatement')"))


def _one(owner: Connection, query: str, *values: object) -> Any:
    with owner.cursor() as cursor:
        cursor.execute(query, values)
        (value,) = cursor.fetchone() or (None,)
    owner.rollback()
    return value


def _timed(work: Callable[[], Value]) -> tuple[Value, float]:
    began = time.perf_counter()
    done = work()
    return done, round(time.perf_counter() - began, 3)
