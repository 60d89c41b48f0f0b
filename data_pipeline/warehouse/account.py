"""The operating system account that Postgres runs as, because the server refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from data_pipeline.exceptions import ConfigurationError

UNPRIVILEGED = ("postgres", "nobody", "daemon")


@dataclass(frozen=True)
class Account:
    """Who runs the server: the caller, or an unprivileged account when the caller is root."""

    uid: int
    gid: int
    switched: bool
    """Whether commands must drop from root to this account."""

    @classmethod
    def current(cls) -> Account:
        """Return the caller, or the first existing account of ``postgres``, ``nobody`` and ``daemon`` when root calls.

        Raises:
            ConfigurationError: Root calls and none of these accounts exists.
        """
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), switched=False)
        for name in UNPRIVILEGED:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid, switched=True)
        raise ConfigurationError(
            f"Postgres does not run as root and none of the accounts {', '.join(UNPRIVILEGED)} exists; "
            "run as another user or set MARKET_DB_URL to a server of your own"
        )

    def run(
        self, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, stderr: IO[bytes] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end as this account, in ``/`` and with nothing of the caller's environment."""
        switch: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switched else {}
        return subprocess.run(  # noqa: S603 - fixed commands, never a shell line made of input
            [str(part) for part in command],
            cwd="/",
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if stderr is None else stderr,
            start_new_session=True,
            check=False,
            **switch,
        )

    def own(self, path: Path) -> None:
        """Hand a file or folder of the caller's to this account."""
        if self.switched:
            os.chown(path, self.uid, self.gid)

    def reaches(self, folder: Path) -> bool:
        """Return whether this account can enter the folder; tried, because modes alone do not tell (ACLs, mounts)."""
        return not self.switched or self.run(["/bin/sh", "-c", 'cd "$1"', "sh", folder]).returncode == 0

    def can_execute(self, program: Path) -> bool:
        """Return whether this account can run the program."""
        return not self.switched or self.run(["/bin/sh", "-c", 'test -x "$1"', "sh", program]).returncode == 0
