"""Install a lock with several pips side by side: `python -m tools.install_lock data_pipeline/requirements.txt`.

One pip takes one package after the other, and waits for the network between them. A lock names every package with its
hashes, so its parts can be installed at the same time, each without asking what it depends on. What they bring is
compiled when it is first imported: most of it never is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

AT_ONCE = 3
"""Pips at a time; two cores have no use for more."""
OPTIONS = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--require-hashes")


def parts(lock: str, count: int) -> list[str]:
    """Return the lock as so many locks of about as many packages; each package, under all its markers, is in one."""
    pins: dict[str, str] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if line[:1].strip():
            name = line.partition("==")[0].partition("[")[0]
        pins[name] = pins.get(name, "") + line
    names = [*pins]
    return ["".join(pins[name] for name in names[number::count]) for number in range(count)]


def install(lock: Path, pip: Sequence[str] = (sys.executable, "-m", "pip"), count: int = AT_ONCE) -> int:
    """Install a lock into the environment of a pip; return 0 when every part is there, else what the first pip said."""
    with tempfile.TemporaryDirectory(prefix="lock-") as folder:
        processes = []
        for number, part in enumerate(parts(lock.read_text("utf-8"), count)):
            file = Path(folder, f"{number}.txt")
            file.write_text(part, "utf-8")
            command = [*pip, "install", *OPTIONS, "-r", str(file)]
            processes.append(subprocess.Popen(command))  # noqa: S603 - our own command line
        codes = [process.wait() for process in processes]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(next((code for path in sys.argv[1:] if (code := install(Path(path)))), 0))
