"""Looks every locked package up among known weaknesses with pip-audit, and says plainly when nobody could look.

pip-audit ends with "No known vulnerabilities found" and code 0 also where it was given no package. So its JSON is read,
and an answer counts only when it speaks of every package of the lock.

python -m tools.audit
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parents[1] / "data_pipeline" / "requirements.txt"
COMMAND = (
    "uvx", "pip-audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip", "--format", "json",
    "--progress-spinner", "off",
)  # fmt: skip
NOT_LOOKED, WEAK = 2, 1


def locked(lock: str) -> set[str]:
    """Return the names in a lock file that this Python and machine would install; markers are pip-audit's matter."""
    return set(re.findall(r"^([a-z0-9][a-z0-9-]*)(?:\[[^\]]*\])?==[^;\s]+ *\\$", lock, re.MULTILINE))


def verdict(lock: str, answer: str, said: str) -> tuple[int, str]:
    """Return the exit code and the sentence that an answer of pip-audit deserves.

    Args:
        lock: The lock file's text.
        answer: What pip-audit wrote to its standard output, JSON.
        said: What it wrote beside it.
    """
    try:
        found: list[Mapping[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = said.strip().splitlines()[-1:] or ["it said nothing"]
        return NOT_LOOKED, f"NOBODY HAS LOOKED: pip-audit could not ask a database of weaknesses: {reason[0]}"
    wanted = locked(lock)
    if missing := wanted - {one["name"] for one in found if "vulns" in one}:
        names = ", ".join(sorted(missing)[:5])
        return NOT_LOOKED, f"NOBODY HAS LOOKED at {len(missing)} of {len(wanted)} locked packages: {names}"
    weak = [f"{one['name']} {one['version']}: {each['id']}" for one in found for each in one.get("vulns", [])]
    if weak:
        return WEAK, "Known weaknesses:\n" + "\n".join(weak)
    return 0, f"No known weakness in {len(wanted)} locked packages."


def main() -> int:
    """Run pip-audit over the lock and print the verdict."""
    try:
        done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    except FileNotFoundError:
        print("NOBODY HAS LOOKED: uvx, which runs pip-audit, is not installed")  # noqa: T201 - that is its work
        return NOT_LOOKED
    code, sentence = verdict(LOCK.read_text("ascii"), done.stdout, done.stderr)
    print(sentence)  # noqa: T201 - that is its work
    return code


if __name__ == "__main__":
    sys.exit(main())
