"""What parsing a DAG file costs, beside a file with an empty DAG: as a process of its own, and in a warm parser."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
EMPTY = 'from airflow.sdk import DAG\n\nwith DAG(dag_id="empty", schedule=None):\n    pass\n'
PLAIN = """
from airflow.sdk import DAG, Asset, BaseOperator, ExceptionRetryPolicy, Param, task


class Load(BaseOperator):
    template_fields = ("codes",)

    def __init__(self, *, codes=None, **kwargs):
        super().__init__(**kwargs)
        self.codes = codes


defaults = {"retries": 4, "retry_policy": ExceptionRetryPolicy(rules=[])}
params = {"codes": Param(default=[], type=["array", "string"]), "size": Param(900, type="integer", minimum=1)}
with DAG(dag_id="plain", schedule=None, default_args=defaults, params=params):

    @task
    def plan():
        return []

    Load.partial(task_id="load", outlets=[Asset("plain")]).expand(codes=plan())
"""
"""The shape of most of our DAGs, with nothing of ours in it."""
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
WARM = """
import gc, json, os, sys, time, warnings
warnings.simplefilter("ignore")
from airflow.dag_processing.dagbag import DagBag
paths = sys.argv[2:]
DagBag(paths[0], bundle_name="dags-folder")
gc.freeze()
seen = {path: [] for path in paths}
for _ in range(int(sys.argv[1])):
    for path in paths:
        reader, writer = os.pipe()
        if not os.fork():
            began = time.process_time()
            bag = DagBag(path, bundle_name="dags-folder")
            spent = time.process_time() - began
            assert len(bag.dags) == 1 and not bag.import_errors, bag.import_errors
            os.write(writer, repr(spent).encode())
            os._exit(0)
        os.close(writer)
        seen[path].append(float(os.read(reader, 64)))
        os.close(reader)
        os.wait()
print(json.dumps(seen))
"""


def parse_costs(repeats: int) -> list[dict[str, Any]]:
    """Return the cost of each DAG file; files take turns, so that all see the same load of the machine.

    ``ratio`` compares whole processes as anybody who parses a file starts them, Airflow's own import included;
    ``file_ms`` is what is left in a process that has imported Airflow's parser already, and ``empty_file_ms`` the same
    of the empty DAG, which is the first to import Airflow's SDK there.

    ``warm_ms`` is processor time in a child forked from a parser that has read an empty DAG before, as Airflow's DAG
    processor forks one for each file, so what only our files need is imported there; ``warm_empty_ms`` is the same of
    the empty DAG, and ``warm_plain_ms`` of a DAG of the same shape that has nothing of ours in it.
    """
    with tempfile.TemporaryDirectory(prefix="data-pipeline-parse-") as folder:
        empty, plain = Path(folder, "empty.py"), Path(folder, "plain.py")
        empty.write_text(EMPTY, "utf-8")
        plain.write_text(PLAIN, "utf-8")
        files = sorted((PROJECT / "dags").glob("*.py"))
        environ = {
            **os.environ,
            "AIRFLOW_HOME": folder,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }
        _read(empty, environ)  # the first one writes byte code and configuration
        costs: dict[Path, list[tuple[float, float]]] = {path: [] for path in (empty, *files)}
        for _ in range(repeats):
            for path, seen in costs.items():
                seen.append(_read(path, environ))
        warm = _warm([empty, plain, *files], 3 * repeats, environ)
    return [{**_figures(costs, path, empty), **_warm_figures(warm[path], warm[empty], warm[plain])} for path in files]


def _read(path: Path, environ: Mapping[str, str]) -> tuple[float, float]:
    whole, alone = _run(READ, [str(path)], environ).split()[-2:]
    return float(whole), float(alone)


def _warm(paths: Sequence[Path], repeats: int, environ: Mapping[str, str]) -> dict[Path, float]:
    """Return the median of each file in seconds; the first one of each warms the disk and is left out."""
    said = _run(WARM, [str(repeats + 1), *map(str, paths)], environ).splitlines()[-1]
    return {Path(path): statistics.median(seen[1:]) for path, seen in json.loads(said).items()}


def _run(code: str, arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=PROJECT, env=dict(environ), capture_output=True, text=True, check=True).stdout


def _figures(costs: Mapping[Path, Sequence[tuple[float, float]]], path: Path, empty: Path) -> dict[str, Any]:
    whole, alone = (statistics.median(one[place] for one in costs[path]) for place in (0, 1))
    whole_empty, alone_empty = (statistics.median(one[place] for one in costs[empty]) for place in (0, 1))
    return {
        "dag": path.stem,
        "ratio": round(whole / whole_empty, 3),
        "ratio_of_the_file": round(alone / alone_empty, 3),
        "file_ms": round(1000 * alone, 1),
        "empty_file_ms": round(1000 * alone_empty, 1),
        "process_ms": round(1000 * whole, 1),
    }


def _warm_figures(file: float, empty: float, plain: float) -> dict[str, Any]:
    return {
        "warm_ms": round(1000 * file, 1),
        "warm_empty_ms": round(1000 * empty, 1),
        "warm_plain_ms": round(1000 * plain, 1),
        "warm_ratio": round(file / empty, 2),
        "warm_ratio_to_plain": round(file / plain, 2),
    }
