"""Refuses the date under ``tests/``: ``python tests/check_no_date.py`` names each line that reads it and ends with 1.

A test that reads the machine's date is green today and red on some other day. Moments are written down, and the
market's clock is fixed: by ``MARKET_CLOCK`` (``tests/integration/conftest.py``), by ``now`` or ``clock`` where
something is made that has a clock of its own.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parent

READERS = frozenset(
    f"{module}.{name}"
    for module, names in {
        "datetime.datetime": ("now", "utcnow", "today"),
        "datetime.date": ("today",),
        "time": ("time", "time_ns", "localtime", "gmtime", "ctime"),
        "pendulum": ("now", "today", "tomorrow", "yesterday"),
        "pandas.Timestamp": ("now", "utcnow", "today"),
        "airflow.utils.timezone": ("utcnow",),
        "airflow.sdk.timezone": ("utcnow",),
        "data_pipeline.market.clock": ("real_now", "market_now"),
    }.items()
    for name in names
)
IN_SQL = re.compile(
    r"(?<![\w.])(current_date|current_time(?:stamp)?|localtime(?:stamp)?)\b(?!\s*=)"
    r"|(?<![\w.])(?:now|(?:clock|statement|transaction)_timestamp|timeofday)\(\)",
    re.IGNORECASE,
)
"""``market.now()`` obeys the fixed clock and passes."""
CLOCKED = {"EmulatorProcess": "now", "KISDataSource": "clock", "KRXDataSource": "clock", "DailyQuota": "clock"}
"""What takes the machine's clock when it is not given one, and the argument that gives it."""
PLACES = {"KISDataSource": 4, "KRXDataSource": 4, "DailyQuota": 4}
"""How many positional arguments include that one."""

ALLOWED = {
    "check_no_date.py": {"*"},
    "house/test_check_no_date.py": {"*"},
    "unit/market/test_clock.py": {"*"},
    "unit/sources/test_market_clock_of_sources.py": {"*"},
    "integration/warehouse/test_calendar.py": {"now()"},
    "integration/warehouse/test_clock.py": {"*"},
    "unit/emulator/test_process.py": {"EmulatorProcess without now=", "data_pipeline.market.clock.market_now"},
    "shift/sitecustomize.py": {"*"},
    "faults/sharer.py": {"data_pipeline.market.clock.market_now"},
    "faults/worker.py": {"time.time"},
    "unit/coordination/test_file_store.py": {"time.time"},
    "support/dated_file.py": {"time.time"},
    "integration/loading/rows/test_straight.py": {"now()"},
    "support/market_rows.py": {"clock_timestamp()"},
    "integration/warehouse/test_restatement.py": {"clock_timestamp()"},
}
"""What reads a clock on purpose, by file: the tests of the market's clock, and those of clocks that stay real.

A token expires, and a row is written, when it really is.
"""


class Finding(NamedTuple):
    """One place that reads the date."""

    line: int
    what: str


def findings(source: str) -> list[Finding]:
    """Return what reads the date in a module's text, in order of line; SQL in docstrings does not count."""
    tree = ast.parse(source)
    names = _imported(tree)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found: list[Finding] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)) and isinstance(node.ctx, ast.Load):
            spelled = _qualified(node, names)
            found += [Finding(node.lineno, spelled)] if spelled in READERS else []
        if isinstance(node, ast.Call):
            found += _without_clock(node, names)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            found += [Finding(node.lineno, match[0].lower()) for match in IN_SQL.finditer(node.value)]
    return sorted(set(found))


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                names[one.asname or one.name.partition(".")[0]] = one.name if one.asname else one.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return names


def _qualified(node: ast.expr, names: dict[str, str]) -> str:
    """Return the dotted name that an expression means, the imports resolved; empty when it is none."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute) and (base := _qualified(node.value, names)):
        return f"{base}.{node.attr}"
    return ""


def _without_clock(call: ast.Call, names: dict[str, str]) -> list[Finding]:
    made = _qualified(call.func, names).rpartition(".")[2]
    wanted = CLOCKED.get(made)
    given = {keyword.arg for keyword in call.keywords}
    if wanted is None or wanted in given or None in given or len(call.args) >= PLACES.get(made, sys.maxsize):
        return []
    return [Finding(call.lineno, f"{made} without {wanted}=")]


def refused(tests: Path = TESTS) -> Iterator[str]:
    """Yield a sentence for each place under ``tests`` that reads the date and is not listed in ``ALLOWED``."""
    for path in sorted(tests.rglob("*.py")):
        name = path.relative_to(tests).as_posix()
        allowed = ALLOWED.get(name, set())
        for line, what in findings(path.read_text("utf-8")):
            if not allowed & {"*", what}:
                yield f"tests/{name}:{line}: {what} reads the date"


def main() -> int:
    """Print every place; return 1 when there is one."""
    places = list(refused())
    for place in places:
        print(place)
    if places:
        print("A test must be green on any day: write the moment down, or fix the clock (see tests/check_no_date.py).")
    return int(bool(places))


if __name__ == "__main__":
    sys.exit(main())
