"""Where tests live: beside the room that they are about, and where helpers live that several of them share."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.project import ROOT

TESTS = ROOT / "tests"
KINDS = ("unit", "integration")
"""The folders that mirror the package, and the folders beside it for what is no part of it: dags/, benchmarks/."""

IMPORT = re.compile(r"^[ \t]*((?:from +[\w.]+ +)?import +(?:\([^)]*\)|[^\n(]+))", re.MULTILINE)


def folders(kind: str) -> list[Path]:
    """The folders of tests of a kind, relative to it."""
    return sorted({file.parent.relative_to(TESTS / kind) for file in (TESTS / kind).rglob("test_*.py")})


def imported(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it that is; whole files take seconds to parse."""
    found = set()
    for statement in IMPORT.findall(path.read_text("utf-8")):
        try:
            (node,) = ast.parse(statement).body
        except SyntaxError:  # a sentence that begins like one
            continue
        module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        found |= {f"{module}{name.name}" for name in getattr(node, "names", ())}
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_each_folder_of_tests_has_its_room(kind: str) -> None:
    """A test's folder has the name of a folder of the package, or of one beside it."""
    assert folders(kind)
    assert [
        str(folder)
        for folder in folders(kind)
        if not any((base / folder).is_dir() for base in (ROOT / "data_pipeline", ROOT))
    ] == []


def test_helpers_are_in_support() -> None:
    """No test is imported by another, and no conftest by anything."""
    assert {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in TESTS.rglob("*.py")
        for name in imported(path)
        if name.startswith("tests.") and any(part.startswith(("conftest", "test_")) for part in name.split("."))
    } == set()


def test_only_tests_of_the_benchmarks_import_them() -> None:
    """A test of the product stands without them."""
    assert {
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if "benchmarks" not in path.parts and any(name.split(".")[0] == "benchmarks" for name in imported(path))
    } == set()
