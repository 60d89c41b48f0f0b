"""What ``postmaster.pid`` says, and whether the process behind it is really that server."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError

PROC = Path("/proc")


@dataclass(frozen=True)
class Postmaster:
    """The server that wrote ``postmaster.pid``; it may be long gone, or its PID may belong to another process by now.

    Source: PostgreSQL documentation, "Database File Layout", ``postmaster.pid``: line 1 the PID, line 2 the data
    directory, line 4 the port.
    """

    data: Path
    pid: int
    port: int | None
    """None until the server has chosen its port."""

    @property
    def alive(self) -> bool:
        """Whether this very server runs. A zombie does not count, nor does another process with the same PID."""
        if (PROC / "self" / "stat").exists():
            return self._alive_by_proc()
        return self._alive_by_ps()

    def _alive_by_proc(self) -> bool:
        try:
            name, rest = (PROC / str(self.pid) / "stat").read_text("ascii", "replace").split("(", 1)[1].rsplit(")", 1)
            if name != "postgres" or rest.split()[0] in {"Z", "X"}:
                return False
            return (PROC / str(self.pid) / "cwd").readlink().samefile(self.data)
        except PermissionError:
            return True  # somebody else's Postgres: connecting decides
        except (OSError, IndexError, ValueError):
            return False

    def _alive_by_ps(self) -> bool:
        command = ["ps", "-ww", "-o", "stat=,command=", "-p", str(self.pid)]
        line = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
        return bool(line) and not line.startswith("Z") and str(self.data) in line


def read_postmaster(data: Path) -> Postmaster | None:
    """Return what ``postmaster.pid`` in this data directory says; None if there is none or it is being written."""
    try:
        lines = (data / "postmaster.pid").read_text("ascii", "replace").splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    port = lines[3].strip() if len(lines) > 3 else ""
    return Postmaster(data, pid, int(port) if port.isdigit() else None)


def gone(pid: int) -> bool:
    """Return whether a process has ended; a zombie has, though its PID is still taken."""
    try:
        os.kill(pid, 0)
        return (PROC / str(pid) / "stat").read_text("ascii", "replace").rsplit(")", 1)[1].split()[0] in {"Z", "X"}
    except ProcessLookupError:
        return True
    except FileNotFoundError:
        return (PROC / "self").exists()
    except OSError:
        return False


def free_port(known: Path) -> int:
    """Return a free port of 127.0.0.1: the one that this file holds, or any other.

    Raises:
        ConfigurationError: There is none.
    """
    for port in ([int(known.read_text("ascii"))] if known.exists() else []) + [0]:
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise ConfigurationError("there is no free port on 127.0.0.1 for Postgres")
