"""``python -m tests.days COMMIT``: the slice of the long tests that a commit is tried on.

Prints the names of three moments with commas, a blank, and a seed.
"""

from __future__ import annotations

import hashlib
import sys

from tests.days.moments import MOMENTS

HOW_MANY = 3


def slice_of(commit: str) -> tuple[list[str], int]:
    """Return moments and a seed: always the same ones for a commit, and each moment as likely as any other."""
    names = sorted((one.name for one in MOMENTS), key=lambda name: _drawn(commit, name))
    return names[:HOW_MANY], _drawn(commit, "seed") % 1_000_000


def _drawn(commit: str, what: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{commit} {what}".encode()).digest(), "big")


if __name__ == "__main__":
    moments, seed = slice_of(sys.argv[1])
    print(",".join(moments), seed)
