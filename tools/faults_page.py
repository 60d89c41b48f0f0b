"""Writes the reference page of the fault matrix out of what `make faults` noted; see ``tests/faults/matrix.py``.

python -m tools.faults_page .local/first.jsonl .local/second.jsonl > docs/reference/faults.md

Each file is one run of the matrix; of a row that several have, the page shows all runs side by side. With ``--table``
only the table, for people who have just run it.
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
then, and where the matrix was run twice in a row, those of both runs, with the figure of the second.

"None lost" and "every row is there, once" mean: after the next try the table's digest is that of an undisturbed load.
In every row no run of `market.ingest_run` says `running` once its process is gone and somebody has looked: the next
load of the dataset, `run`, `up` or `coverage`.
"""
COLUMNS = ("fault", "promise", "tries", "survived", "figure")


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows that were noted, in the order in which they ended; of a row that was run twice the last."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return list({line["name"]: line for line in lines}.values())


def table(runs: list[list[dict[str, Any]]]) -> Iterator[str]:
    """Yield the table of the runs line by line, sorted by fault; what was promised is what the last run says."""
    found: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        for row in run:
            found.setdefault(row["name"], []).append(row)
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---|---|---:|---:|---|"
    for rows in sorted(found.values(), key=lambda rows: str(rows[-1]["fault"])):
        both = {name: " + ".join(str(row[name]) for row in rows) for name in ("tries", "survived")}
        yield f"| {' | '.join(str({**rows[-1], **both}[name]) for name in COLUMNS)} |"


def main(words: list[str]) -> int:
    """Print the page, or with ``--table`` the table; return the exit code."""
    runs = [read(Path(word)) for word in words if word != "--table"]
    if words[0] == "--table":
        seconds = sum(row["seconds"] for run in runs for row in run)
        sys.stdout.write("\n".join(table(runs)) + f"\n{seconds:.0f} s in all rows\n")
    else:
        sys.stdout.write(HEAD + "\n" + "\n".join(table(runs)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
