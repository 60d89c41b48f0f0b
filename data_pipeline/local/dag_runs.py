"""Runs DAGs one after another through Airflow, in one process: `python -m data_pipeline.local.dag_runs PLAN EVENTS`.

PLAN is a JSON file, a list of ``{"dag_id", "logical_date", "conf"}``. EVENTS is a file that gets one JSON line when a
run starts and one when it ends. The exit code is 0 when every run succeeded; the first failed run ends the list.
With ``--stop-with-stdin`` at the end it stops when its standard input ends, which happens when its starter is killed.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from data_pipeline.market.clock import anchored, market_ahead


@dataclass(frozen=True)
class PlannedRun:
    """One DAG run to be made."""

    dag_id: str
    logical_date: str
    """ISO 8601 with a zone, by the market's clock; it decides the session, and the run is due then."""
    conf: dict[str, Any] = field(default_factory=dict)


def write_plan(path: Path, runs: list[PlannedRun]) -> None:
    """Write the file that this module reads as PLAN."""
    path.write_text(json.dumps([asdict(run) for run in runs]), "utf-8")


def _run(planned: PlannedRun, dags_folder: str) -> str:
    """Run one DAG and return its final state."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(f"{dags_folder}/{planned.dag_id}.py", bundle_name="dags-folder")
    if planned.dag_id not in bag.dags:
        print(f"DAG {planned.dag_id} did not load: {bag.import_errors}", file=sys.stderr)  # noqa: T201 - the run's log
        return "import error"
    due = datetime.fromisoformat(planned.logical_date)
    # Airflow's own times are real.
    real = due - market_ahead(os.environ)
    run = bag.dags[planned.dag_id].test(logical_date=due, run_after=real, run_conf=planned.conf)
    return str(run.state)


def _stop_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(143)  # the lock of `run` is free by now; Postgres rolls back what is open


def main(plan: str, events: str, *options: str) -> int:
    """Run the plan; return the exit code."""
    if "--stop-with-stdin" in options:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    from airflow.configuration import conf

    os.environ.update(anchored(os.environ))
    runs = [PlannedRun(**entry) for entry in json.loads(Path(plan).read_text("utf-8"))]
    with Path(events).open("a", encoding="utf-8", buffering=1) as out:
        for planned in runs:
            out.write(json.dumps({"dag_id": planned.dag_id, "state": "running"}) + "\n")
            state = _run(planned, conf.get("core", "dags_folder"))
            out.write(json.dumps({"dag_id": planned.dag_id, "state": state}) + "\n")
            if state != "success":
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
