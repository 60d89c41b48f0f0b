"""Installs the built wheel beside other Pythons and versions, runs a slice in each, and prints a table.

    python -m tools.matrix                                    every Python that is found, oldest and newest versions
    python -m tools.matrix --python 3.10 --bounds lowest      one of them

It needs uv, and an index. The slice: pip's own check; every module imports; `airflow install`, then Airflow reads each
DAG without an error and knows the timetables. ``lowest`` takes the lowest version that pyproject.toml allows of each
direct dependency and that has a wheel for that Python, ``newest`` the newest that fit together, both without the lock.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.wheel import ROOT, build

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
BOUNDS = {"lowest": ["--resolution", "lowest-direct"], "newest": ["--resolution", "highest"]}
IMPORTS = """
import importlib, pkgutil, data_pipeline
apart = {"data_pipeline.__main__", "data_pipeline.emulator.__main__", "data_pipeline.warehouse.keeper_process"}
names = [one.name for one in pkgutil.walk_packages(data_pipeline.__path__, "data_pipeline.")]
names = [name for name in names if ".shipped." not in name and name not in apart]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
DAGS = """
import sys
from importlib.metadata import version
from airflow import plugins_manager
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1], bundle_name="dags-folder")
known = [name for name in plugins_manager.get_timetables_plugins() if "Krx" in name]
assert not bag.import_errors and len(known) == 2, (bag.import_errors, known)
print(len(bag.dags), "with Airflow", version("apache-airflow-core"))
"""


def main() -> int:
    """Run the matrix and return 0 when every part of it works."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", choices=PYTHONS, help="only this one; may be repeated")
    parser.add_argument("--bounds", action="append", choices=list(BOUNDS), help="only these; may be repeated")
    options = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory(prefix="data-pipeline-matrix-") as name:
        _, wheel = build(Path(name, "dist"))
        print("| Python | versions | installs | pip check | modules import | DAGs read |", flush=True)  # noqa: T201
        print("|---|---|---|---|---|---|", flush=True)  # noqa: T201
        for python in options.python or PYTHONS:
            for bounds in options.bounds or BOUNDS:
                cells = _slice(Path(name, f"{python}-{bounds}"), wheel, python, bounds)
                good = good and not any(cell.startswith("no:") for cell in cells)
                print(f"| {python} | {bounds} | {' | '.join(cells)} |", flush=True)  # noqa: T201
    return 0 if good else 1


def _slice(folder: Path, wheel: Path, python: str, bounds: str) -> list[str]:
    """Return a cell for each step; after one that failed the others are not tried."""
    venv, dags = folder / "venv", folder / "dags"
    bin_ = venv / "bin"
    extras = [word for extra in ("airflow", "celery", "embedded") for word in ("--extra", extra)]
    needed = ["--requirement", str(ROOT / "pyproject.toml"), *extras]  # so that they are direct ones, of the wheel
    into = ["--python", str(bin_ / "python")]
    steps = [
        ["uv", "pip", "install", "--quiet", "--only-binary", ":all:", *into, *BOUNDS[bounds], *needed, str(wheel)],
        ["uv", "pip", "check", "--quiet", *into],
        [str(bin_ / "python"), "-c", IMPORTS],
        [str(bin_ / "python"), "-c", DAGS, str(dags)],
    ]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHONPATH"))}
    environ |= {"AIRFLOW_HOME": str(folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    cells: list[str] = []
    folder.mkdir()
    _ran(["uv", "venv", "--quiet", "--python", _interpreter(python), str(venv)], folder, environ)
    for number, command in enumerate(steps):
        if number == 3:
            _ran([str(bin_ / "data-pipeline"), "airflow", "install", "--dags-folder", str(dags)], folder, environ)
        cells.append(_ran(command, folder, environ))
        if cells[-1].startswith("no:"):
            break
    return cells + ["-"] * (len(steps) - len(cells))


def _interpreter(python: str) -> str:
    """Return the newest interpreter of this version that pyenv has, else its name for uv to find."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    found = sorted(versions.glob(f"{python}.*/bin/python3"), key=lambda path: int(path.parts[-3].split(".")[2]))
    return str(found[-1]) if found else python


def _ran(command: list[str], folder: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        return "no: " + re.sub(r"[|]|\S*/\S+", "", lines[-1] if lines else "")[:150]
    return (done.stdout.strip().splitlines() or ["yes"])[-1]


if __name__ == "__main__":
    sys.exit(main())
