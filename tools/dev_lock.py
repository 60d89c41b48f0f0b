"""Take out of a development lock what the runtime lock already pins, so that both always mean the same versions.

`make lock` pipes what uv resolved through it. A package is kept with all its hashes or left out: it may have another
marker in either lock, so lines cannot be compared one by one.
"""

from __future__ import annotations

import sys
from pathlib import Path


def _pins(lock: str) -> list[tuple[str, str]]:
    """Each pin with its hashes, in order: `name==version`, and its lines."""
    pins: list[list[str]] = []
    for line in lock.splitlines():
        if line[:1].strip() and "==" in line:
            pins.append([line])
        elif pins:
            pins[-1].append(line)
    return [(lines[0].split(" ")[0], "\n".join(lines)) for lines in pins]


def dev_lock(development: str, runtime_path: str, runtime: str) -> str:
    """The development lock as one that includes the runtime lock and adds to it."""
    known = {name for name, _ in _pins(runtime)}
    return "\n".join([f"-r {runtime_path}", *(text for name, text in _pins(development) if name not in known)]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(dev_lock(sys.stdin.read(), sys.argv[1], Path(sys.argv[1]).read_text(encoding="utf-8")))
