"""How long it takes from nothing to a loaded session, and what it costs in memory.

Examples:
    python -m benchmarks startup              imports, and two runs in a folder of their own
    python -m benchmarks startup --clone      only `make up` in a fresh clone with an empty HOME and no package cache
    python -m benchmarks startup --clone --into /tmp/fresh    the same, left running there to be looked at
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

PROJECT = Path(__file__).resolve().parents[1]
IMPORT = "import sys, time; began = time.perf_counter(); import {0}; print(time.perf_counter() - began, *sys.modules)"
LIMITS = {
    "import_kis_s": 0.3,
    "pipeline_s": 60.0,
    "peak_mb": 400.0,
    "clone_to_rows_s": 240.0,
}
SHOWN = {"clone_to_rows_s": ", loaded in ", "clone_to_page_s": "The morning page: "}
"""What `make up` prints when the first rows are on the screen, and when the address of the morning page is."""


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 0 when every figure is within its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks startup", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--clone", action="store_true", help="measure `make up` from a fresh clone, package cache cold")
    parser.add_argument("--into", metavar="FOLDER", help="where the clone is left running; `make clean` there ends it")
    options = parser.parse_args(arguments)
    figures: dict[str, Any] = _clone(options.into) if options.clone else {**_imports(), **_runs()}
    _print(figures)
    print(json.dumps(figures))
    late = [name for name, limit in LIMITS.items() if figures.get(name, 0) > limit]
    return 1 if late or not figures.get("second_run_unchanged", True) else 0


def _imports() -> dict[str, Any]:
    """Time the import in fresh processes, beside `import requests`, which is the least it can cost."""
    best: dict[str, float] = {}
    loaded: set[str] = set()
    for name in ("data_pipeline.sources.kis.source", "requests"):
        outputs = [
            subprocess.run(
                [sys.executable, "-c", IMPORT.format(name)], capture_output=True, text=True, check=True, cwd=PROJECT
            ).stdout.split()
            for _ in range(5)
        ]
        best[name] = min(float(output[0]) for output in outputs)
        loaded = loaded or set(outputs[0][1:])
    ours, least = best["data_pipeline.sources.kis.source"], best["requests"]
    return {
        "import_kis_s": round(ours, 3),
        "import_ratio_to_requests": round(ours / least, 2),
        "imports_airflow": "airflow" in loaded,
        "imports_pandas": "pandas" in loaded,
    }


def _runs() -> dict[str, Any]:
    """Run the whole pipeline twice in a new folder and read what it says of itself."""
    with tempfile.TemporaryDirectory(prefix="data-pipeline-startup-") as folder:
        environ = {**os.environ, "DATA_PIPELINE_HOME": folder}
        summaries = []
        for _ in range(2):
            subprocess.run([sys.executable, "-m", "data_pipeline", "run"], env=environ, cwd=PROJECT, check=True)
            summaries.append(json.loads(Path(folder, "run", "summary.json").read_text("utf-8")))
        clean = [sys.executable, "-m", "data_pipeline", "down", "--delete"]
        subprocess.run(clean, env=environ, cwd=PROJECT, check=True)
    first, second = summaries
    return {
        "ready_s": first["ready_s"],
        "pipeline_s": first["pipeline_s"],
        "second_pipeline_s": second["pipeline_s"],
        "rows": sum(one["inserted"] for one in first["loaded"]),
        "missing": sum(gap["missing"] for gap in first["gaps"]),
        "second_run_unchanged": all(one["updated"] == 0 for one in second["loaded"]),
        "second_run_new_rows": {one["dataset"]: one["inserted"] for one in second["loaded"]},
        "peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1),
    }


def _clone(into: str | None) -> dict[str, float]:
    """Return the seconds from `git clone` to the rows and the page of `make up`, with an empty HOME and no cache."""
    with ExitStack() as stack:
        folder = Path(into or stack.enter_context(tempfile.TemporaryDirectory(prefix="data-pipeline-clone-")))
        home, clone = folder / "home", folder / "clone"
        home.mkdir(parents=True)
        keep = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("PIP_")}
        environ = {**keep, "HOME": str(home), "PIP_NO_CACHE_DIR": "1"}
        if not into:
            stack.callback(subprocess.run, ["make", "clean"], cwd=clone, env=environ, check=True)
        began = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        command = ["make", "up", f"PYTHON={sys.base_prefix}/bin/python3"]
        figures: dict[str, float] = {}
        with subprocess.Popen(command, cwd=clone, env=environ, stdout=subprocess.PIPE, text=True) as up:
            for line in up.stdout or ():
                print(line, end="", flush=True)
                figures |= {name: round(time.monotonic() - began, 1) for name, sign in SHOWN.items() if sign in line}
        if up.returncode or figures.keys() != SHOWN.keys():
            raise RuntimeError(f"make up ended with {up.returncode}")
        return figures


def _print(figures: dict[str, Any]) -> None:
    table = Table("figure", "measured", "limit", title="startup")
    for name, value in figures.items():
        table.add_row(name, str(value), str(LIMITS.get(name, "")))
    Console().print(table)
