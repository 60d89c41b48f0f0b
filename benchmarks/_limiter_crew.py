"""The worker processes of one run of the limiter benchmark: started, told when to begin, killed at the end."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
_READY_SECONDS = 90.0


class BenchmarkError(Exception):
    """A worker did not do its part."""


class Crew:
    """The workers of one run."""

    def __init__(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        self._all = list(processes)
        self._alive = list(processes)

    @classmethod
    @contextmanager
    def started(cls, count: int, options: Mapping[str, Any], folder: Path) -> Iterator[Crew]:
        """Start that many workers with these options, and kill whoever is left at the end."""
        command = [sys.executable, "-m", "benchmarks._limiter_worker", json.dumps(options)]
        crew = cls([])
        try:
            for number in range(count):
                with (folder / f"worker-{number}.err").open("w") as errors:
                    process = subprocess.Popen(
                        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=PROJECT
                    )
                crew._join(process)
            yield crew
        except BenchmarkError as error:
            raise BenchmarkError(f"{error}\n{_last_errors(folder)}") from None
        finally:
            crew.stop()

    def _join(self, process: subprocess.Popen[str]) -> None:
        self._all.append(process)
        self._alive.append(process)

    def wait_until_ready(self) -> None:
        """Return when every worker has said that it is ready."""
        self._lines(time.monotonic() + _READY_SECONDS)

    def start(self, start: float, stop: float) -> None:
        """Tell all of them when to begin and to end."""
        for process in self._alive:
            if process.stdin:
                process.stdin.write(json.dumps({"start": start, "stop": stop}) + "\n")
                process.stdin.flush()

    def kill(self, count: int) -> None:
        """Kill that many with -9."""
        for _ in range(count):
            self._alive.pop().kill()

    def reports(self, deadline: float) -> list[dict[str, Any]]:
        """Return what the living report."""
        return self._lines(deadline)

    def stop(self) -> None:
        """Kill everybody and wait until they are gone."""
        for process in self._all:
            process.kill()
        for process in self._all:
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    _close(stream)

    def _lines(self, deadline: float) -> list[dict[str, Any]]:
        found = []
        with selectors.DefaultSelector() as selector:
            for process in self._alive:
                selector.register(process.stdout or 0, selectors.EVENT_READ, process)
            while selector.get_map():
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise BenchmarkError(f"{len(selector.get_map())} workers did not answer in time")
                for key, _ in ready:
                    line = key.data.stdout.readline()
                    if not line:
                        raise BenchmarkError("a worker ended before its time")
                    found.append(json.loads(line))
                    selector.unregister(key.fileobj)
        return found


def _close(stream: Any) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        # Its reader was killed with the plan still in the pipe.
        return


def _last_errors(folder: Path) -> str:
    texts = [path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("worker-*.err"))]
    return next((text[-2000:] for text in texts if text), "no worker wrote an error")
