"""Background processes of a local installation, known by PID files, started and stopped one by one."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.local.home import Home

POLL = 0.1


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
        return int(pid) if _start_time(int(pid)) == started else None

    def start(self, command: Sequence[str], environ: Mapping[str, str]) -> int:
        """Start the process in a group of its own and return its PID; one that runs already is left alone."""
        running = self.pid()
        if running is not None:
            return running
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
        self.pid_file.write_text(f"{pid} {_start_time(pid)}", "ascii")
        return pid

    def stop(self, grace: float = 30.0) -> bool:
        """Ask the process to end, and end its group when it does not within ``grace`` seconds; True if it ran."""
        pid = self.pid()
        if pid is None:
            self.pid_file.unlink(missing_ok=True)
            return False
        os.kill(pid, signal.SIGTERM)
        if not wait_until(lambda: self.pid() is None, grace):
            os.killpg(pid, signal.SIGKILL)
            wait_until(lambda: self.pid() is None, grace)
        self.pid_file.unlink(missing_ok=True)
        return True

    def tail(self, lines: int = 5) -> str:
        """Return the last lines of the log, for an error message."""
        text = self.log_file.read_text("utf-8", errors="replace") if self.log_file.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Return True as soon as the condition holds; False when it did not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


def _start_time(pid: int) -> str | None:
    """Return what tells this process from a later one with the same PID; None if there is none, or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        return _alive_without_proc(pid)
    return None if fields[0] == "Z" else fields[19]


def _alive_without_proc(pid: int) -> str | None:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return None
    return "alive"


def run_to_the_end(command: Sequence[str], environ: Mapping[str, str], log_file: Path) -> None:
    """Run a command, its output in ``log_file``.

    Raises:
        ConfigurationError: It ended with an error; the message names the log file.
    """
    with log_file.open("ab") as log:
        code = subprocess.run(  # noqa: S603 - our own command line
            command, env=dict(environ), stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        ).returncode
    if code != 0:
        raise ConfigurationError(f"`{Path(command[0]).name} {' '.join(command[1:])}` failed; read {log_file}")
