"""Nobody reads a vendor out of a source's name or class: that knowledge is in `market/origin.py`."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "data_pipeline"
ROOTS = (PACKAGE, PACKAGE.parent / "dags", PACKAGE.parent / "plugins", PACKAGE.parent / "benchmarks")
NAMES = {"kis-virtual", "kis-sandbox", "krx-sandbox"}
CLASSES = {"KISDataSource", "KRXDataSource", "MockDataSource"}
VENDORS = ("kis", "krx", "mock")


def findings(source):
    """The lines of a file that read a vendor out of a name or a class."""
    return sorted({getattr(node, "lineno", 0) for node in ast.walk(ast.parse(source)) if _is_wrong(node)})


def _is_wrong(node):
    if isinstance(node, ast.Constant):
        return node.value in NAMES or (isinstance(node.value, str) and "LIKE 'k" in node.value)
    if not isinstance(node, ast.Call) or not node.args:
        return False
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("startswith", "endswith", "removeprefix"):
        return any(_names_a_vendor(one) for one in ast.walk(node.args[0]))
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    return called in ("isinstance", "issubclass") and any(_is_source_class(one) for one in ast.walk(node.args[-1]))


def _names_a_vendor(node):
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, str) and value.strip("-%") in (*VENDORS, "sandbox", "virtual")


def _is_source_class(node):
    return isinstance(node, (ast.Name, ast.Attribute)) and getattr(node, "id", getattr(node, "attr", "")) in CLASSES


@pytest.mark.parametrize(
    "source",
    [
        "source.name.startswith('kis')",
        "source.startswith(('krx', 'kis'))",
        "name.endswith('-sandbox')",
        "isinstance(source, KRXDataSource)",
        "isinstance(source, (str, krx.KRXDataSource))",
        "OFFICIAL = {'krx', 'krx-sandbox'}",
        "query = \"SELECT source LIKE 'krx%'\"",
    ],
)
def test_what_reads_a_vendor_is_found(source):
    """However it is spelled."""
    assert findings(source) == [1]


@pytest.mark.parametrize(
    "source",
    [
        "source.origin.vendor == 'kis'",
        "path.startswith('KRX ')",
        "isinstance(source, AbstractDataSource)",
        "conn_type = 'krx'",
    ],
)
def test_what_asks_the_origin_passes(source):
    """Asking what is known of a source is no finding."""
    assert findings(source) == []


@pytest.mark.thorough
def test_nobody_reads_a_vendor_out_of_a_name_or_class():
    """But for the vendors' own rooms, which give the names, and the origin, which says what they mean."""
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}:{line}"
        for root in ROOTS
        for path in sorted(root.rglob("*.py"))
        if path != PACKAGE / "market" / "origin.py" and PACKAGE / "sources" not in path.parents
        for line in findings(path.read_text(encoding="utf-8"))
    ]
    assert wrong == []
