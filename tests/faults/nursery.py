"""A process that has imported everything and forks a child for each piece of work: a kill then costs milliseconds.

It reads one line of JSON, a list of pieces of work; starts them all at once, waits for all, and writes one line: how
each ended. ``python -m tests.faults.nursery`` speaks that; :class:`Nursery` is the other end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

from data_pipeline.exceptions import TransientError
from data_pipeline.warehouse.migrate import migrate
from tests.faults.rig import NEVER, Point, Work
from tests.faults.streaming import stream
from tests.support.processes import close_input, read_line
from tests.support.project import ROOT, python_path


def backfill(work: dict[str, Any], request: int = NEVER, steps: int = 0, *, heal: bool = False) -> int:
    """Do a backfill, and die at a point of it."""
    work.pop("patience")
    return Work(**{**work, "codes": tuple(work["codes"])}).run(Point(request, steps), heal=heal)


def migration(url: str) -> None:
    """Bring a warehouse up to date."""
    migrate(url)


TASKS: dict[str, Any] = {"backfill": backfill, "migration": migration, "stream": stream}


def child(task: str, options: dict[str, Any], path: str) -> None:
    """Do one piece of work and write down how it ended."""
    try:
        ended = {"returned": TASKS[task](**options)}
    except BaseException as error:  # noqa: BLE001 - the parent is told, whatever it was
        ended = {"error": f"{type(error).__name__}: {error}", "transient": isinstance(error, TransientError)}
    Path(path).write_text(json.dumps(ended), "utf-8")
    os._exit(0)


def main() -> None:
    """Serve until the input ends."""
    print("ready", flush=True)
    for line in sys.stdin:
        children = []
        with tempfile.TemporaryDirectory() as folder:
            for number, (task, options) in enumerate(json.loads(line)):
                path = f"{folder}/{number}"
                if (pid := os.fork()) == 0:
                    child(task, options, path)
                children.append((pid, Path(path)))
            for pid, _ in children:
                os.waitpid(pid, 0)
            ended = [json.loads(path.read_text("utf-8")) if path.exists() else {"killed": True} for _, path in children]
        print(json.dumps(ended), flush=True)


class Nursery:
    """Starts work in processes of its own and tells how it ended."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "PYTHONPATH": python_path()},
        )  # fmt: skip
        assert read_line(self._process) == "ready\n"

    def run(self, *pieces: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Do all of these at once; each ends with ``returned``, ``error`` and ``transient``, or ``killed``."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(pieces, default=str) + "\n")
        self._process.stdin.flush()
        ended: list[dict[str, Any]] = json.loads(read_line(self._process))
        return ended

    def backfill(self, work: Work, **options: Any) -> tuple[str, dict[str, Any]]:
        """Return the piece of work that a backfill is."""
        return "backfill", {"work": {one.name: getattr(work, one.name) for one in fields(work)}, **options}

    def close(self) -> None:
        """End it."""
        close_input(self._process)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


if __name__ == "__main__":
    main()
