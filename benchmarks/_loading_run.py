"""The runs of the loading benchmark: which there are, one of them, and what all repeats of one come to."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks._loading_bars import Content, bars, changes, write_pages, write_text
from benchmarks._loading_methods import LIMIT, METHODS, OURS
from benchmarks._loading_server import DLT, TABLES, LoadingServer

PHASES = {
    "fresh": "into an empty table",
    "filled": "into a table that holds as many rows of other codes in the same partitions",
    "again": "the same rows once more",
    "changed": "the same rows once more, one in a hundred with other values",
    "checked": "into an empty table, out of JSON pages through KIS's parser, checks and proofs, 50,000 rows each",
    "text": "records to COPY text, without a server",
    "made": "making the records, without a server",
}
READY_ROWS = 1_000_000
"""Up to so many rows all records are made before the clock starts; beyond, while it runs."""


class BenchmarkError(Exception):
    """A run failed, or left other rows than it should; the message says which."""


class Run(NamedTuple):
    """One method, on one table, in one phase."""

    method: str
    table: str
    """flat, monthly, own (dlt makes its own), or - for none."""
    phase: str

    @property
    def empty(self) -> bool:
        """Whether it begins with an empty table."""
        return self.phase in {"fresh", "checked"}


@dataclass(frozen=True)
class Files:
    """What is loaded, as files, and what a table adds up to that holds it."""

    rows: int
    text: Path
    other: Path
    pages: Path
    content: Content
    other_content: Content

    @classmethod
    def write(cls, folder: Path, rows: int, phases: Sequence[str]) -> Files:
        """Write what these phases need."""
        text, other, pages = folder / "bars", folder / "other-bars", folder / "pages"
        content = write_text(text, bars(rows))
        filled = "filled" in phases
        other_content = write_text(other, bars(rows, other=True)) if filled else Content(0, 0)
        if "checked" in phases:
            write_pages(pages, rows)
        return cls(rows, text, other, pages, content, other_content)


@dataclass
class Measured:
    """The repeats of one run."""

    rows: int
    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    wal: list[float] = field(default_factory=list)
    images: list[float] = field(default_factory=list)
    growth: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    counts: dict[str, int] | None = None


def planned(methods: Sequence[str], phases: Sequence[str]) -> Iterator[Run]:
    """Yield the runs of one round in their order; before each phase and table comes the COPY it is compared with."""
    chosen = [name for name in methods if METHODS[name].installed]
    for phase in phases:
        runs = [run for name in chosen for run in _runs(name, phase)]
        state = "filled" if phase == "filled" else "fresh"
        for table in ("flat", "monthly"):
            here = [run for run in runs if _compared_with(run) == table]
            others = [run for run in here if run.method != LIMIT]
            if here or (table == "flat" and any(_compared_with(run) == "monthly" for run in runs)):
                yield Run(LIMIT, table, state)
            yield from others
        yield from (run for run in runs if run.table == "-")


def _runs(name: str, phase: str) -> list[Run]:
    method = METHODS[name]
    if phase not in method.phases:
        return []
    if not method.stores:
        return [Run(name, "-", phase)]
    if name == OURS:
        return [Run(name, "monthly", phase)]
    if method.own_table:
        return [Run(name, "own", phase)]
    both = phase == "fresh" or name == LIMIT
    return [Run(name, table, phase) for table in TABLES if both or table == "flat"]


def _compared_with(run: Run) -> str:
    return "flat" if run.table == "own" else run.table


class Bench:
    """Runs what is planned on one server and keeps what it measures.

    Args:
        server: Where everything is loaded.
        files: What is loaded.
        folder: For scratch files.
        say: Told what comes next.
    """

    def __init__(self, server: LoadingServer, files: Files, folder: Path, say: Callable[[str], None]) -> None:
        self._server, self._files, self._folder, self._say = server, files, folder, say
        self._limits: dict[str, tuple[float, int]] = {}
        self.measured: dict[Run, Measured] = {}

    def measure(self, run: Run) -> None:
        """Run once.

        Raises:
            BenchmarkError: It failed or left other rows than it should.
        """
        method = METHODS[run.method]
        rows = min(self._files.rows, method.most_rows or self._files.rows)
        self._say(f"{run.method}, {run.phase}, {run.table} table, {rows:,} rows ...")
        table = f"{DLT}.daily_bar" if run.table == "own" else TABLES.get(run.table, "")
        if method.stores:
            self._prepare(run, table, rows)
        kept = self.measured.setdefault(run, Measured(rows))
        before = self._server.mark(table)
        report = self._work(run, table, rows)
        rate = rows / report["seconds"]
        kept.rates.append(rate)
        kept.peak_mb.append(report["peak_mb"])
        kept.counts = report["counts"]
        if not method.stores:
            return
        after = self._server.mark(table)
        self._require(run, table, rows)
        total, images = self._server.wal(before, after)
        kept.wal.append((total - (images or 0)) / rows)
        kept.images += [] if images is None else [images / rows]
        if run.method == LIMIT:
            self._limits[run.table] = rate, after.bytes
        limit, size = self._limits[_compared_with(run)]
        kept.ratios.append(rate / limit)
        kept.growth.append(after.bytes / (size * rows / self._files.rows if run.empty else before.bytes))

    def _prepare(self, run: Run, table: str, rows: int) -> None:
        self._server.empty()
        if run.table == "own":
            if not run.empty:
                self._work(Run(run.method, run.table, "fresh"), table, rows, other=run.phase == "filled")
        elif not run.empty:
            self._server.fill(table, self._files.other if run.phase == "filled" else self._files.text)
        self._server.settle()

    def _work(self, run: Run, table: str, rows: int, *, other: bool = False) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            options = {
                "method": run.method,
                "phase": run.phase,
                "url": self._server.url("loader" if run.method == OURS else "owner"),
                "table": table,
                "rows": rows,
                "other": other,
                "ready": rows <= READY_ROWS,
                "text": str(self._files.text),
                "pages": str(self._files.pages),
                "folder": scratch,
            }
            command = [sys.executable, "-m", "benchmarks._loading_worker"]
            done = subprocess.run(command, input=json.dumps(options), capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchmarkError(f"{run.method}, {run.phase}: {done.stderr[-2000:]}")
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return report

    def _require(self, run: Run, table: str, rows: int) -> None:
        part = rows < self._files.rows
        loaded = write_text(Path("/dev/null"), bars(rows)) if part else self._files.content
        files = self._files
        wanted = {
            "fresh": loaded,
            "checked": loaded,
            "filled": loaded + (_of_others(rows) if run.table == "own" and part else files.other_content),
        }.get(run.phase, loaded if run.table == "own" else files.content)
        if run.phase == "changed":
            wanted += Content(0, changes(rows))
        found = self._server.content(table)
        if found != wanted:
            raise BenchmarkError(f"{run.method}, {run.phase}: {found} in the table instead of {wanted}")

    def rows_of(self) -> list[dict[str, Any]]:
        """Return one object for each run, with the medians of its repeats."""
        flat = self.measured.get(Run(LIMIT, "flat", "fresh"))
        return [
            _row(run, kept, median(flat.rates) if flat and flat.rates else None)
            for run, kept in self.measured.items()
            if kept.rates
        ]


def _of_others(rows: int) -> Content:
    return write_text(Path("/dev/null"), bars(rows, other=True))


def _row(run: Run, kept: Measured, flat: float | None) -> dict[str, Any]:
    rate = median(kept.rates)
    stored = METHODS[run.method].stores
    row = {
        "method": run.method,
        "phase": run.phase,
        "table": run.table,
        "rows": kept.rows,
        "repeats": len(kept.rates),
        "rows_per_s": round(rate),
        "ratio_to_copy": _rounded(kept.ratios, 3),
        "ratio_to_flat_copy": round(rate / flat, 3) if flat and stored else None,
        "wal_bytes_per_row": _rounded(kept.wal, 1),
        "wal_page_images_per_row": _rounded(kept.images, 1),
        "table_growth": _rounded(kept.growth, 2),
        "peak_mb": _rounded(kept.peak_mb, 1),
    }
    return {**row, "counts": kept.counts} if kept.counts is not None else row


def _rounded(values: list[float], digits: int) -> float | None:
    return round(median(values), digits) if values else None
