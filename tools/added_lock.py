"""Take out of a lock what the runtime lock already pins, so that both always mean the same versions.

`make lock` pipes what uv resolved through it. A package is kept with all its hashes or left out; one that is wanted
under another marker (on one more Python, say) stands in both, with the same version.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def _pins(lock: str) -> list[tuple[str, str]]:
    """Each pin in order: its name without extras, version and marker, and its lines with all hashes."""
    pins: list[list[str]] = []
    for line in lock.splitlines():
        if line[:1].strip() and "==" in line:
            pins.append([line])
        elif pins:
            pins[-1].append(line)
    return [(re.sub(r"\[.*?\]", "", lines[0]).rstrip(" \\"), "\n".join(lines)) for lines in pins]


def added(lock: str, runtime_path: str, runtime: str) -> str:
    """The lock as one that includes the runtime lock and adds to it."""
    known = {name for name, _ in _pins(runtime)}
    return "\n".join([f"-r {runtime_path}", *(text for name, text in _pins(lock) if name not in known)]) + "\n"


if __name__ == "__main__":
    written_beside, runtime_lock = sys.argv[1], Path(sys.argv[2])
    sys.stdout.write(added(sys.stdin.read(), written_beside, runtime_lock.read_text(encoding="utf-8")))
