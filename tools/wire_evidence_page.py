"""Writes the reference page of what is believed of the vendors' wires, out of their registers.

python -m tools.wire_evidence_page > docs/reference/wire-evidence.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby

from data_pipeline.sources.evidence import Belief, beliefs

HEAD = """# What is believed of KIS and KRX, and why

Written by `python -m tools.wire_evidence_page` from `data_pipeline/sources/*/evidence.json`. No server of KIS was asked
while this was built, so each thing that the parsers rely on names its ground: the vendor's *document*, an answer that
somebody *recorded*, the *code* of another program, or only what was *inferred*. The last column is the function that
finds out when it is wrong; whatever is only inferred has one."""
VENDORS = (("kis", "KIS"), ("krx", "KRX"))


def lines() -> Iterator[str]:
    """Yield the page line by line."""
    yield HEAD
    for vendor, name in VENDORS:
        for call, several in groupby(beliefs(vendor), key=lambda one: one.call):
            yield from ("", f"## {name}: {call}", "", "| fields | believed | ground | check |", "|---|---|---|---|")
            yield from map(_row, several)


def _row(one: Belief) -> str:
    fields = " ".join(f"`{name}`" for name in one.written.split())
    where = f"{one.output}: " if one.output else ""
    ground = "; ".join(f"*{kind}*: {said}" for kind, said in one.grounds.items())
    check = f"`{one.check}`" if one.check else ""
    return f"| {where}{fields} | {one.believed} | {ground} | {check} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
