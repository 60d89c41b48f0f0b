"""The contracts of imports: something that is forbidden is planted, and the contract that forbids it breaks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import ROOT

pytestmark = pytest.mark.thorough

MODULES = {
    ".".join(path.with_suffix("").parts).removesuffix(".__init__"): path
    for path in (file.relative_to(ROOT) for file in ROOT.joinpath("data_pipeline").rglob("*.py"))
}
"""Every module of the package and its file."""
AIRFLOW = (
    "hooks",
    "operators",
    "timetables",
    "pools",
    "notifications.notifiers",
    "local.dag_runs",
    "pages.airflow_gate",
)
WIRE = ("client", "sources", "http_exceptions", "emulator.process")
MAY = {
    "airflow": AIRFLOW,
    "pendulum": AIRFLOW,
    "pandas": ("read",),
    "pyarrow": ("read",),
    "fastapi": ("emulator", "pages"),
    "uvicorn": ("emulator",),
    "requests": WIRE,
    "urllib3": WIRE,
    "alembic": ("warehouse", "pools"),
    "sqlalchemy": ("warehouse", "pools"),
    "data_pipeline.records": (),
    "data_pipeline.index_records": (),
    "data_pipeline.price_rules": (),
    "data_pipeline.rejections": (),
    "data_pipeline.trading_calendar": (),
    "data_pipeline.watch_list": (),
    "tests": (),
    "benchmarks": (),
    "dags": (),
    "plugins": (),
    "tools": (),
}
"""What belongs to some rooms or modules only, and to which; nobody inside needs the documented names of the market."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its contracts, to be spoilt."""
    shutil.copytree(ROOT / "data_pipeline", tmp_path / "data_pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(copy: Path, module: str, *imported: str) -> None:
    """Import something at the end of a module."""
    with (copy / MODULES[module]).open("a", encoding="utf-8") as file:
        file.writelines(f"import {name}\n" for name in imported)


def said(copy: Path) -> str:
    """What lint-imports says."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environ = {**os.environ, "COLUMNS": "500"}
    done = subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, check=False)
    assert "\nContracts: " in done.stdout, done.stdout + done.stderr
    return done.stdout


def broken(copy: Path) -> list[str]:
    """The contracts that do not hold."""
    return re.findall(r"^(.+?) BROKEN\b", said(copy), re.MULTILINE)


def test_nothing_is_broken_as_it_is(copy: Path) -> None:
    """Every contract holds before anything is planted."""
    assert broken(copy) == []


def test_what_belongs_to_one_room_is_refused_in_every_other_file(copy: Path) -> None:
    """Airflow, pandas, HTTP and the rest in any file of the package but those that may: each is named."""
    for module in MODULES:
        plant(copy, module, *MAY)
    named = set(re.findall(r"(data_pipeline[\w.]*) -> ([\w.]+) ", said(copy)))
    unseen = [
        f"{module} -> {name}"
        for module in MODULES
        for name, rooms in MAY.items()
        if module != name
        and not any(f"{module}.".startswith(f"data_pipeline.{room}.") for room in rooms)
        and (module, name) not in named
    ]
    assert unseen == []


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("data_pipeline.exceptions", "data_pipeline.market.clock", "Rooms import one way"),
        ("data_pipeline.loading", "data_pipeline.engine", "Rooms import one way"),
        ("data_pipeline.backfill", "data_pipeline.operators", "Rooms import one way"),
        ("data_pipeline.sources.kis.source", "data_pipeline.sources.krx", "One vendor never imports another"),
        ("data_pipeline.sources.mock.source", "data_pipeline.sources.kis", "One vendor never imports another"),
        ("data_pipeline.market.clock", "data_pipeline.market.trading_calendar", "No circles of rooms or files"),
        ("data_pipeline.emulator.app", "data_pipeline.client", "The emulator shares no code with what it tests"),
    ],
)
def test_a_planted_import_breaks_its_contract(copy: Path, module: str, imported: str, contract: str) -> None:
    """Upwards, across to another vendor, round in a circle, or out of the emulator."""
    plant(copy, module, imported)
    assert contract in broken(copy)


def test_a_new_room_must_be_given_its_place(copy: Path) -> None:
    """A file or folder beside the others that no layer names breaks the contract."""
    (copy / "data_pipeline" / "attic.py").touch()
    assert broken(copy) == ["Rooms import one way"]
