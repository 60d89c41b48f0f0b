"""How fast bars get into Postgres, what they leave in its log and how much memory the loading process takes.

A million made-up daily bars (2,000 codes, 500 sessions) are loaded into a table of the migrated warehouse, which has a
partition for each month, and by the other methods into the same table without partitions; both have the same columns,
checks and primary key. The limit is raw COPY of a file with the same rows, run right before each phase: `ratio_to_copy`
is the rate beside that COPY into a table of the same kind in the same state (an empty one where the rows are there
already, because COPY cannot load them twice), the median of all repeats; `ratio_to_flat_copy` is the rate beside
COPY into the empty table without partitions. All methods begin with the same records, ready in memory; with more than
a million rows the records are made while they are loaded, and what that costs is the line `records`.

Before each load the tables are emptied, filled as the phase says, vacuumed and written down by a checkpoint.
`wal_bytes_per_row` is what `pg_current_wal_insert_lsn()` moved on, without the images of whole pages that Postgres adds
when it changes a page for the first time after a checkpoint: those are `wal_page_images_per_row` (null, and not taken
off, where the log was recycled before it could be read, as with ten million rows). `table_growth` is the
table's size with its indexes after the load over that before it; from an empty table, over what COPY makes of it.
`peak_mb` is how far the loading process rose above what it held when the clock started. A slow method loads fewer rows,
and its rate is that of the sample. After each run the rows are counted and their volumes added up.

Examples:
    python -m benchmarks loading                                       everything, about half an hour
    python -m benchmarks loading --method data_pipeline                ours and raw COPY
    python -m benchmarks loading --method data_pipeline --phase again --phase changed --repeats 5
    python -m benchmarks loading --rows 10000000 --method data_pipeline    once, without `checked` unless told
    python -m benchmarks loading --method copy_text --method records   without the database
    pip install -e '.[bench]'                                          what the other methods need
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._loading_bars import MOST_ROWS, SESSIONS
from benchmarks._loading_methods import METHODS
from benchmarks._loading_run import PHASES, READY_ROWS, Bench, BenchmarkError, Files, Run, planned
from benchmarks._loading_server import loading_server

_SHOWN = {
    "method": "method",
    "phase": "phase",
    "table": "table",
    "rows": "rows",
    "rows_per_s": "rows/s",
    "ratio_to_copy": "ratio",
    "ratio_to_flat_copy": "to flat",
    "wal_bytes_per_row": "WAL",
    "wal_page_images_per_row": "images",
    "table_growth": "growth",
    "peak_mb": "MB",
}
_CAPTION = (
    "ratio: to raw COPY into the same kind of table; to flat: to raw COPY into one without partitions; "
    "WAL, images: bytes a row; MB: above the start"
)


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 1 when a run failed."""
    options = _parser().parse_args(arguments)
    many = options.rows > READY_ROWS
    methods = options.method or list(METHODS)
    phases = options.phase or [phase for phase in PHASES if not (many and phase == "checked")]
    options.repeats = options.repeats or (1 if many else 3)
    missing = [name for name in methods if not METHODS[name].installed]
    # A plain kill stops the server too, as Ctrl-C does.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="data-pipeline-loading-") as folder:
            settings, rows, failed = _measured(options, methods, phases, Path(folder), Console(stderr=True))
    finally:
        signal.signal(signal.SIGTERM, before)
    _print(rows, missing, failed, settings)
    print(json.dumps({"runs": rows, "not_installed": missing, "failed": failed, "settings": settings}))
    return 1 if failed else 0


def _measured(
    options: argparse.Namespace, methods: Sequence[str], phases: Sequence[str], folder: Path, console: Console
) -> tuple[str, list[dict[str, Any]], list[str]]:
    rows = -(-options.rows // SESSIONS) * SESSIONS
    console.print(f"writing {rows:,} bars as text and pages ...")
    files = Files.write(folder, rows, phases)
    failed: list[str] = []
    with loading_server(folder / "postgres") as server:
        bench = Bench(server, files, folder, console.print)
        try:
            for run in [*planned(methods, phases)] * options.repeats:
                failed += _tried(bench, run)
        except KeyboardInterrupt:
            failed.append("stopped; these are the runs that were finished")
        return server.settings(), bench.rows_of(), failed


def _tried(bench: Bench, run: Run) -> list[str]:
    try:
        bench.measure(run)
    except BenchmarkError as error:
        return [str(error)]
    return []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks loading",
        description=__doc__,
        epilog="phases:\n" + "\n".join(f"  {name:8} {what}" for name, what in PHASES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rows", type=_positive, default=1_000_000, metavar="N", help="bars, rounded up to whole codes (1,000,000)")
    add("--method", action="append", choices=list(METHODS), help="one method; may be repeated (all unless told)")
    add("--phase", action="append", choices=list(PHASES), help="one phase; may be repeated (all unless told)")
    add("--repeats", type=_positive, metavar="N", help="rounds, of which the median counts (3)")
    return parser


def _positive(text: str) -> int:
    if not 1 <= int(text) <= MOST_ROWS:
        raise argparse.ArgumentTypeError(f"must be from 1 to {MOST_ROWS}, not {text}")
    return int(text)


def _print(rows: Sequence[dict[str, Any]], missing: Sequence[str], failed: Sequence[str], settings: str) -> None:
    table = Table(*_SHOWN.values(), title="loading daily bars", caption=_CAPTION)
    for row in rows:
        table.add_row(
            *(
                "-" if row[name] is None else f"{row[name]:,}" if name in {"rows", "rows_per_s"} else str(row[name])
                for name in _SHOWN
            )
        )
    console = Console(width=140)
    console.print(table)
    console.print(f"Postgres: {settings}", markup=False, highlight=False, soft_wrap=True)
    for name in missing:
        console.print(f"{name}: not installed", highlight=False)
    for one in failed:
        console.print(f"not finished: {one}", markup=False)
