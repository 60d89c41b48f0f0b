"""Where the processes that tests start find this project, and whatever the test run itself was given."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def python_path() -> str:
    """Return ``PYTHONPATH`` with this project before what is there already; ``tests/shift`` may be."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
