"""Where this project's files are, here and in the processes that tests start."""

import ast
import functools
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "samples"


def python_path() -> str:
    """Return ``PYTHONPATH`` with this project before what is there already; ``tests/shift`` may be."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


@functools.cache
def syntax(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a Python file; each file is parsed once, whoever asks about it."""
    return tuple(ast.walk(ast.parse(path.read_text("utf-8"))))
