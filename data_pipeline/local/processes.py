"""Background processes of a local installation, known by PID files, started and stopped with all that they start."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.local.families import Family
from data_pipeline.local.home import Home
from data_pipeline.local.locks import in_turn
from data_pipeline.warehouse.process import start_of

POLL = 0.1
LEFT_BEHIND_S = 5.0
"""Seconds that processes get to end by themselves when the one that started them has ended."""


@dataclass(frozen=True)
class Background:
    """One process that goes on after its starter has ended."""

    home: Home
    name: str

    @property
    def pid_file(self) -> Path:
        """Holds the PID and the start time of the process, so that a reused PID is not mistaken for it."""
        return self.home.run / f"{self.name}.pid"

    @property
    def log_file(self) -> Path:
        """Everything the process prints."""
        return self.home.logs / f"{self.name}.log"

    def pid(self) -> int | None:
        """Return the PID while the process runs; None when it does not."""
        try:
            pid, started = self.pid_file.read_text("ascii").split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if start_of(int(pid)) == started else None

    @property
    def family(self) -> Family:
        """The process and everything that it started."""
        return Family(self.home, self.name)

    def start(self, command: Sequence[str], environ: Mapping[str, str]) -> int:
        """Start the process in a group of its own and return its PID; one that runs already is left alone.

        What an earlier one that was killed has left running is ended first.
        """
        with in_turn(self.home, "parts"):
            running = self.pid()
            if running is not None:
                return running
            self.family.end(LEFT_BEHIND_S)
            return self._spawn(command, {**environ, **self.family.mark})

    def end_orphans(self) -> int:
        """End what a process that was killed has left running, and return how many there were; none while it runs."""
        with in_turn(self.home, "parts"):
            if not self.pid_file.exists() or self.pid() is not None:
                return 0
            self.pid_file.unlink()
            return self.family.end(LEFT_BEHIND_S)

    def stop(self, grace: float = 30.0) -> bool:
        """Ask the process to end, and kill it when it does not within ``grace`` seconds; True if anything of it ran.

        What it started ends with it; so does what one that was killed has left running.
        """
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: self.pid() is None, grace)
        left = self.family.end(0 if self.pid() is not None else LEFT_BEHIND_S)
        self.pid_file.unlink(missing_ok=True)
        return pid is not None or left > 0

    def _spawn(self, command: Sequence[str], environ: Mapping[str, str]) -> int:
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        pid = os.posix_spawn(  # not Popen, whose object expects to outlive its child
            command[0],
            list(command),
            dict(environ),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log_file), flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        self.pid_file.write_text(f"{pid} {start_of(pid)}", "ascii")
        return pid


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Return True as soon as the condition holds; False when it did not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


def run_to_the_end(command: Sequence[str], environ: Mapping[str, str], log_file: Path, family: Family) -> None:
    """Run a command, its output in ``log_file``; what is left of an earlier one of its family is ended first.

    Raises:
        ConfigurationError: It ended with an error; the message names the log file.
    """
    family.end(LEFT_BEHIND_S)
    with log_file.open("ab") as log:
        code = subprocess.run(  # noqa: S603 - our own command line
            command, env={**environ, **family.mark}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        ).returncode
    if code != 0:
        raise ConfigurationError(f"`{Path(command[0]).name} {' '.join(command[1:])}` failed; read {log_file}")
