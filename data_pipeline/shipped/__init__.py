"""What the package carries beside its code: the migrations, the DAGs and the plugin for Airflow.

There is one copy. A clone has it in its top level, where an editable install finds it; the build puts it into this
folder of a wheel (``setup.py``). ``data_pipeline.shipped.dags`` and ``.plugins`` can be imported in both.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

_PACKAGE = Path(str(files("data_pipeline")))
_BUILT = _PACKAGE / "shipped"
PROJECT = None if (_BUILT / "sql").is_dir() else _PACKAGE.parent
"""The top level of the clone; None where the package was installed from a wheel."""

if PROJECT:
    __path__.append(str(PROJECT))


def shipped(name: str) -> Path:
    """Return the folder ``sql``, ``dags`` or ``plugins``; whether it is there is for the caller to see."""
    return (PROJECT or _BUILT) / name
