"""How the package is built: files, floors, the longest chain of imports, circles, and lines of code.

Examples:
    python -m benchmarks house
    python -m benchmarks house --tree ../another-checkout --chains 5
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
Graph = dict[str, set[str]]


def modules(root: Path) -> dict[str, Path]:
    """Return the package's modules by dotted name; a folder's ``__init__`` bears the folder's name."""
    found = {}
    for path in sorted((root / "data_pipeline").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: Iterable[str], *, lazy: bool) -> set[str]:
    """Return the modules of the package that a file imports; with ``lazy`` also inside functions and for types only."""
    known, found = set(known), set[str]()
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree) if lazy else _at_import(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    longer = {name.rpartition(".")[0] for name in found & known}
    return {name for name in found & known if name not in longer}


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return
    for child in ast.iter_child_nodes(node):
        yield from _at_import(child)


def graph(root: Path, *, lazy: bool = False) -> Graph:
    """Return who imports whom when it is imported itself, or, with ``lazy``, at any time."""
    known = modules(root)
    return {name: imports(path, known, lazy=lazy) - {name} for name, path in known.items()}


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules of which each imports each other one, by whatever way."""
    reached = {one: _reached(edges, one) for one in edges}
    groups = {one: sorted(other for other in reached[one] if one in reached[other]) for one in edges}
    return sorted({tuple(group): group for group in groups.values() if len(group) > 1}.values())


def _reached(edges: Mapping[str, set[str]], one: str) -> set[str]:
    found, waiting = set[str](), [one]
    while waiting:
        waiting += edges[waiting.pop()] - found
        found |= set(waiting)
    return found


def longest_chain(edges: Mapping[str, set[str]]) -> list[str]:
    """Return the longest way along imports, top first; a circle counts as one step."""
    return next(iter(chains(edges)), [])


def chains(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Return each module's longest way down along imports, longest first; a circle counts as one step."""
    group_of = {one: group[0] for group in circles(edges) for one in group}
    merged: Graph = {}
    for one, others in edges.items():
        here = group_of.get(one, one)
        merged.setdefault(here, set()).update({group_of.get(other, other) for other in others} - {here})

    @cache
    def from_here(one: str) -> tuple[str, ...]:
        ways = [from_here(other) for other in sorted(merged[one])]
        return (one, *_longest(ways))

    return sorted((list(from_here(one)) for one in sorted(merged)), key=len, reverse=True)


def _longest(ways: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return max(ways, key=lambda way: len(way), default=())


def code_lines(path: Path) -> int:
    """Return the lines that hold code: no blank ones, no comments, no docstrings."""
    text = path.read_text("utf-8")
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (
            tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
        ):  # fmt: skip
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        for statement in getattr(node, "body", []) if not isinstance(node, (ast.Lambda, ast.IfExp)) else []:
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                lines -= set(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    return len(lines)


def packages(edges: Mapping[str, set[str]]) -> Graph:
    """Return who imports whom among the rooms: the package's folders and the files beside them."""

    def room(name: str) -> str:
        return ".".join(name.split(".")[:2])

    merged: Graph = {}
    for one, others in edges.items():
        merged.setdefault(room(one), set()).update({room(other) for other in others} - {room(one)})
    return merged


def figures(root: Path) -> dict[str, int]:
    """Return the figures of the package in this checkout."""
    known, edges = modules(root), graph(root, lazy=True)
    inside = {name: others for name, others in edges.items() if name.startswith("data_pipeline.operators.")}
    operators = {name: others & set(inside) for name, others in inside.items()}
    return {
        "files": len(known),
        "files_in_operators": len(operators),
        "floors_in_operators": len(longest_chain(operators)),
        "longest_chain": len(longest_chain(graph(root))),
        "circles_of_files": len(circles(edges)),
        "circles_of_rooms": len(circles(packages(edges))),
        "code_lines": sum(map(code_lines, [*known.values(), *(root / "dags").glob("*.py")])),
    }


def main(arguments: Sequence[str]) -> int:
    """Count, print a table, then one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks house", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tree", type=Path, default=ROOT, help="the checkout to count (default: this one)")
    parser.add_argument(
        "--chains",
        type=int,
        nargs="?",
        default=0,
        const=1,
        metavar="N",
        help="print the longest chain of so many modules, longest first",
    )
    options = parser.parse_args(arguments)
    found = figures(options.tree)
    table = Table("figure", "counted", title="house")
    for name, value in found.items():
        table.add_row(name.replace("_", " "), f"{value:,}")
    Console().print(table)
    for chain in chains(graph(options.tree))[: options.chains]:
        print(len(chain), " -> ".join(name.removeprefix("data_pipeline.") for name in chain))
    print(json.dumps(found))
    return 0
