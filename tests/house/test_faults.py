"""Every row of the fault matrix is a test, and has its line in the reference."""

from __future__ import annotations

import re

from tests.faults.matrix import ROWS
from tests.support.project import ROOT

PAGE = ROOT / "docs" / "reference" / "faults.md"


def test_every_row_has_a_line() -> None:
    """`python -m tools.faults_page FIGURES > docs/reference/faults.md` was run after the last change of the matrix."""
    cells = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| \d+(?: \+ \d+)? \| \d+(?: \+ \d+)? \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert sorted(cells) == sorted((row.fault, row.promise) for row in ROWS.values())


def test_every_row_is_a_test() -> None:
    """A row that nothing tries would never fail."""
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests" / "faults").glob("test_*.py"))
    tests = set(re.findall(r"^def test_(\w+)\(", text, re.MULTILINE))
    assert {name.partition("[")[0] for name in ROWS} - tests == set()
