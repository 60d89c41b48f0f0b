"""What parsing a DAG file costs, beside a file with an empty DAG."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
EMPTY = 'from airflow.sdk import DAG\n\nwith DAG(dag_id="empty", schedule=None):\n    pass\n'
READ = """
import sys, time, warnings
warnings.simplefilter("ignore")
began = time.perf_counter()
from airflow.dag_processing.dagbag import DagBag
ready = time.perf_counter()
bag = DagBag(sys.argv[1], bundle_name="dags-folder")
done = time.perf_counter()
assert len(bag.dags) == 1 and not bag.import_errors, bag.import_errors
print(done - began, done - ready)
"""


def parse_costs(repeats: int) -> list[dict[str, Any]]:
    """Return the cost of each DAG file, in fresh processes that take turns, so that all see the same load.

    ``ratio`` compares whole processes as anybody who parses a file starts them, Airflow's own import included;
    ``file_ms`` is what is left in a process that has imported Airflow's parser already, and ``empty_file_ms`` the same
    of the empty DAG, which is the first to import Airflow's SDK there.
    """
    with tempfile.TemporaryDirectory(prefix="data-pipeline-parse-") as folder:
        empty = Path(folder, "empty.py")
        empty.write_text(EMPTY, "utf-8")
        paths = [empty, *sorted((PROJECT / "dags").glob("*.py"))]
        environ = {
            **os.environ,
            "AIRFLOW_HOME": folder,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        }
        _read(empty, environ)  # the first one writes byte code and configuration
        costs: dict[Path, list[tuple[float, float]]] = {path: [] for path in paths}
        for _ in range(repeats):
            for path in paths:
                costs[path].append(_read(path, environ))
    return _figures(costs, empty)


def _read(path: Path, environ: dict[str, str]) -> tuple[float, float]:
    command = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=True)
    whole, alone = done.stdout.split()[-2:]
    return float(whole), float(alone)


def _figures(costs: dict[Path, list[tuple[float, float]]], empty: Path) -> list[dict[str, Any]]:
    whole = {path: statistics.median(one for one, _ in seen) for path, seen in costs.items()}
    alone = {path: statistics.median(one for _, one in seen) for path, seen in costs.items()}
    return [
        {
            "dag": path.stem,
            "ratio": round(whole[path] / whole[empty], 3),
            "ratio_of_the_file": round(alone[path] / alone[empty], 3),
            "file_ms": round(1000 * alone[path], 1),
            "empty_file_ms": round(1000 * alone[empty], 1),
            "process_ms": round(1000 * whole[path], 1),
        }
        for path in costs
        if path != empty
    ]
