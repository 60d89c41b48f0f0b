"""What seals cost a load, and how fast they are proved.

Made-up daily bars are loaded out of KIS's pages through the parser, the checks and COPY into a server of its own,
50,000 rows a transaction, in turn with and without what keeps the seals. `seal_share` is how much longer
the load takes with them, from answer to commit; `seal_share_cpu` is the same in seconds of CPU of loader and server
together, which other programs on the machine disturb less. Then the stored months are verified side by side, as the
command does (`verify_rows_per_s`), and one at a time, in turn with a statement that works out each row's SHA-256 and
does nothing with it: the limit of one process. At last all rows are sealed as they stand, as the migration does that
brings seals to a warehouse. All figures are medians of one run.

By shape of a load, whose answers are the emulator's: `proof_share_...` is the part of its CPU, of loader and server and
from answer to commit, that the ledger takes, with counting, weighing against earlier proofs and noting new ones;
`seal_share_...` what the writing takes more with seals than without, in loads that take turns; `digest_share_...` the
same where each row's SHA-256 is worked out and nothing is kept, below which no seal of rows can be; `cost_share_...`
proofs and seals.

Examples:
    python -m benchmarks seals
    python -m benchmarks seals --rows 100000 --repeats 3
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812
from rich.console import Console
from rich.table import Table

from benchmarks._loading_bars import SESSIONS, SOURCE, codes, codes_of, sessions, write_pages
from benchmarks._loading_pages import load_pages
from benchmarks._loading_server import LoadingServer, loading_server
from benchmarks._seals_columns import columns
from benchmarks._seals_proofs import SHAPES, cost_shares
from benchmarks._truth_hostile_server import fixed_clock
from data_pipeline.loading.coverage.seals import Month, months_to_verify, verify_month, verify_side_by_side
from data_pipeline.local.verify import AT_ONCE
from data_pipeline.warehouse.connect import connect

TARGETS = {
    "rows": "",
    "load_rows_per_s": "",
    "seal_share": "<= 0.05",
    "seal_share_cpu": "<= 0.05",
    "verify_rows_per_s": ">= 500000, or verify_to_sha256 >= 0.95",
    "verify_one_rows_per_s": "",
    "verify_rows_per_cpu_s": "",
    "sha256_rows_per_s": "",
    "verify_to_sha256": "",
    "seal_stored_rows_per_s": "",
    "seal_stored_rows_per_cpu_s": "",
    "findings": "0",
    **{
        f"{part}_share_{shape}": "<= 0.05" if part == "cost" else ""
        for shape in SHAPES
        for part in ("proof", "seal", "digest", "cost")
    },
    **{f"rows_{shape}": "" for shape in SHAPES},
}
_LIMIT = """
    SELECT session, max(length(market.row_digest(b))) FROM market.daily_bar b
    WHERE session BETWEEN %s AND %s GROUP BY session
"""

_SEAL_STORED = "SELECT market.seal_again('daily_bar', '1956-03-03', 'infinity')"


class Spent(NamedTuple):
    """What a piece of work took."""

    seconds: float
    cpu: float
    """Seconds of CPU of this process and of its server process."""


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 1 when a seal does not fit."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks seals", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=250_000, metavar="N", help="bars, whole codes (250,000)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="rounds, of which the median counts (5)")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="loads of each shape, three times (15)")
    options = parser.parse_args(arguments)
    rows = codes(options.rows) * SESSIONS
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a plain kill stops the server too
    with tempfile.TemporaryDirectory(prefix="data-pipeline-seals-") as folder:
        pages = Path(folder, "pages")
        write_pages(pages, rows)
        with loading_server(Path(folder, "postgres")) as server:
            result = _measured(server, pages, rows, options.repeats, Console(stderr=True))
        with loading_server(Path(folder, "proofs")) as server, fixed_clock():  # of synthetic rows, so one of its own
            result |= cost_shares(server, Path(folder), options.rounds)
    table = Table("figure", "value", "wanted", title="seals")
    for name, value in result.items():
        table.add_row(name, f"{value:,}", TARGETS[name])
    Console().print(table)
    print(json.dumps(result))
    return 1 if result["findings"] else 0


def _measured(server: LoadingServer, pages: Path, rows: int, repeats: int, console: Console) -> dict[str, float]:
    loads: dict[bool, list[Spent]] = {False: [], True: []}
    for turn in range(repeats):
        for sealed in (False, True):
            console.print(f"load {turn + 1} of {repeats}, {'with' if sealed else 'without'} seals ...")
            server.empty()
            server.seal(wanted=sealed)
            server.settle()
            with closing(connect(server.url("loader"))) as connection, columns("sealed" if sealed else "plain"):
                loads[sealed].append(_spent(connection, lambda: _load(connection, pages, rows)))
    console.print("verifying ...")
    server.settle()
    verified: list[Spent] = []
    limit: list[Spent] = []
    with ExitStack() as stack:
        connection, *others = [stack.enter_context(closing(connect(server.url("reader")))) for _ in range(AT_ONCE)]
        months = months_to_verify(connection, ["daily_bar"])
        found = sum(len(verify_month(connection, month).findings) for month in months)
        for _ in range(repeats):
            limit.append(_spent(connection, lambda: _work_out(connection, months)))
            verified.append(_spent(connection, lambda: _verify(connection, months)))
        together = _medians([_spent(connection, lambda: _verify(connection, months, *others)) for _ in range(repeats)])
    with closing(connect(server.url("owner"))) as connection:
        stored = _medians([_spent(connection, lambda: _seal_stored(connection)) for _ in range(repeats)])
    plain, with_seals = _medians(loads[False]), _medians(loads[True])
    proof, floor = _medians(verified), _medians(limit)
    return {
        "rows": rows,
        "load_rows_per_s": round(rows / with_seals.seconds),
        "seal_share": round(with_seals.seconds / plain.seconds - 1, 4),
        "seal_share_cpu": round(with_seals.cpu / plain.cpu - 1, 4),
        "verify_rows_per_s": round(rows / together.seconds),
        "verify_one_rows_per_s": round(rows / proof.seconds),
        "verify_rows_per_cpu_s": round(rows / proof.cpu),
        "sha256_rows_per_s": round(rows / floor.seconds),
        "verify_to_sha256": round(floor.seconds / proof.seconds, 3),
        "seal_stored_rows_per_s": round(rows / stored.seconds),
        "seal_stored_rows_per_cpu_s": round(rows / stored.cpu),
        "findings": found,
    }


def _load(connection: Connection, pages: Path, rows: int) -> None:
    counts = load_pages(connection, pages, codes_of(codes(rows)), sessions(), SOURCE)
    if counts["inserted"] != rows:
        raise RuntimeError(f"{counts} of {rows} rows")


def _verify(connection: Connection, months: Sequence[Month], *others: Connection) -> None:
    for _ in verify_side_by_side([connection, *others], months):
        pass


def _work_out(connection: Connection, months: Sequence[Month]) -> None:
    with connection.cursor() as cursor:
        for month in months:
            cursor.execute(_LIMIT, (month.first, month.last))


def _seal_stored(connection: Connection) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute(_SEAL_STORED)


def _spent(connection: Connection, work: Callable[[], None]) -> Spent:
    process = connection.info.backend_pid
    began, cpu = time.perf_counter(), time.process_time() + _cpu_of(process)
    work()
    return Spent(time.perf_counter() - began, time.process_time() + _cpu_of(process) - cpu)


def _cpu_of(process: int) -> float:
    """Return the seconds of CPU that a process has had; source: proc(5), /proc/pid/stat, fields 14 and 15."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _medians(spent: Sequence[Spent]) -> Spent:
    return Spent(median(one.seconds for one in spent), median(one.cpu for one in spent))
