"""Where this project's files are, here and in the processes that tests start."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "samples"


def python_path() -> str:
    """Return ``PYTHONPATH`` with this project before what is there already; ``tests/shift`` may be."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
