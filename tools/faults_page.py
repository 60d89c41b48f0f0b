"""Writes the reference page of the fault matrix out of what `make faults` noted; see ``tests/faults/matrix.py``.

python -m tools.faults_page .local/faults.jsonl > docs/reference/faults.md

With ``--table`` only the table, for people who have just run it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEAD = """# Faults

What is broken on purpose, what is promised of it, and what was seen. `make faults` breaks everything anew, prints this
table, and fails where a promise is broken. Every commit tries a few moments of each row, which `SEEDS` chooses, and
`make faults FULL=1` all of them. Written by `python -m tools.faults_page` from recorded figures; tries are those made
then.

"None lost" and "every row is there, once" mean: after the next try the table's digest is that of an undisturbed load.
In every row no run of `market.ingest_run` says `running` once its process is gone and somebody has looked: the next
load of the dataset, `run`, `up` or `coverage`.
"""
COLUMNS = ("fault", "promise", "tries", "survived", "figure")


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows that were noted, in the order in which they ended; of a row that was run twice the last."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return list({line["name"]: line for line in lines}.values())


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the table line by line, sorted by fault."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---|---|---:|---:|---|"
    for row in sorted(rows, key=lambda row: str(row["fault"])):
        yield f"| {' | '.join(str(row[name]) for name in COLUMNS)} |"


def main(words: list[str]) -> int:
    """Print the page, or with ``--table`` the table; return the exit code."""
    rows = read(Path(words[-1]))
    if words[0] == "--table":
        sys.stdout.write("\n".join(table(rows)) + f"\n{sum(row['seconds'] for row in rows):.0f} s in all rows\n")
    else:
        sys.stdout.write(HEAD + "\n" + "\n".join(table(rows)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
