"""How long it takes from nothing to a loaded session, and what it costs in memory.

Examples:
    python -m benchmarks startup              imports, and two runs in a folder of their own
    python -m benchmarks startup --clone      also `make run` in a fresh clone with an empty HOME and no package cache
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
    "clone_to_loaded_s": 240.0,
}


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 0 when every figure is within its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks startup", description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--clone", action="store_true", help="measure `make run` from a fresh clone, package cache cold"
    )
    options = parser.parse_args(arguments)
    figures: dict[str, Any] = {**_imports(), **_runs()}
    if options.clone:
        figures["clone_to_loaded_s"] = _clone()
    _print(figures)
    print(json.dumps(figures))
    late = [name for name, limit in LIMITS.items() if figures.get(name, 0) > limit]
    return 1 if late or not figures["second_run_unchanged"] else 0


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


def _clone() -> float:
    """Return the seconds of `make run` in a new clone with an empty HOME and no package cache."""
    with tempfile.TemporaryDirectory(prefix="data-pipeline-clone-") as folder:
        home, clone = Path(folder, "home"), Path(folder, "clone")
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        keep = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("PIP_")}
        environ = {**keep, "HOME": str(home), "PIP_NO_CACHE_DIR": "1"}
        python = f"PYTHON={sys.base_prefix}/bin/python3"
        began = time.monotonic()
        subprocess.run(["make", "run", python], cwd=clone, env=environ, check=True)
        seconds = time.monotonic() - began
        subprocess.run(["make", "clean"], cwd=clone, env=environ, check=True)
        return round(seconds, 1)


def _print(figures: dict[str, Any]) -> None:
    table = Table("figure", "measured", "limit", title="startup")
    for name, value in figures.items():
        table.add_row(name, str(value), str(LIMITS.get(name, "")))
    Console().print(table)
