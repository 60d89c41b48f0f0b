"""``python -m tests.days COMMIT``: names, with commas, the three moments that a commit is tried on."""

from __future__ import annotations

import hashlib
import sys

from tests.days.moments import MOMENTS

HOW_MANY = 3


def slice_of(commit: str) -> list[str]:
    """Return the names of the moments of a commit: always the same ones, and each as likely as any other."""
    names = [one.name for one in MOMENTS]
    return sorted(names, key=lambda name: hashlib.sha256(f"{commit} {name}".encode()).digest())[:HOW_MANY]


if __name__ == "__main__":
    print(",".join(slice_of(sys.argv[1])))
