"""`data-pipeline airflow install`: which files it writes, and which it leaves alone."""

from __future__ import annotations

import json

import pytest

from data_pipeline.cli import main
from data_pipeline.dag_files import dag_names, packaged_dag
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.local.airflow_install import install_dags
from tests.support.project import ROOT

NAMES = sorted(path.name for path in (ROOT / "dags").glob("*.py"))


def test_each_dag_gets_a_file_and_a_second_time_changes_nothing(tmp_path):
    """A folder that is not there yet is made."""
    folder = tmp_path / "airflow" / "dags"
    assert install_dags(folder).written == NAMES
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = install_dags(folder)
    assert (again.written, again.unchanged) == ([], NAMES)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert sorted(before) == NAMES


def test_a_file_of_somebody_else_is_never_overwritten(tmp_path):
    """Neither a DAG of that name nor a link; the others are put in place, and the command ends with 1."""
    (tmp_path / "backfill.py").write_text("mine = 1\n")
    (tmp_path / "heal_gaps.py").symlink_to(tmp_path / "elsewhere.py")
    assert main(["airflow", "install", "--dags-folder", str(tmp_path)]) == 1
    assert (tmp_path / "backfill.py").read_text() == "mine = 1\n"
    assert (tmp_path / "heal_gaps.py").is_symlink()
    assert (tmp_path / "daily_bars.py").exists()


def test_another_prefix_takes_the_files_of_the_one_before_away(tmp_path):
    """Else every DAG would run twice; files of others stay."""
    (tmp_path / "own.py").write_text("mine = 1\n")
    install_dags(tmp_path)
    done = install_dags(tmp_path, "krx_")
    assert (done.written, done.removed) == ([f"krx_{name}" for name in NAMES], NAMES)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*done.written, "own.py"])


def test_a_dry_run_says_the_same_and_changes_nothing(tmp_path, capsys):
    """As JSON, for programs."""
    folder = tmp_path / "dags"
    assert main(["airflow", "install", "--dags-folder", str(folder), "--dry-run", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["dry_run"], said["written"], said["in_the_way"]) == (True, NAMES, [])
    assert not folder.exists()


@pytest.mark.parametrize("prefix", ["a b", "../", "가_", "x" * 101])
def test_a_prefix_that_airflow_would_refuse_is_refused(tmp_path, prefix):
    """Before anything is written."""
    with pytest.raises(InvalidRequestError, match="letters, digits"):
        install_dags(tmp_path, prefix)
    assert [*tmp_path.iterdir()] == []


def test_a_file_is_no_folder(tmp_path):
    """The message says what the option takes."""
    (tmp_path / "dags").touch()
    with pytest.raises(InvalidRequestError, match="takes a folder"):
        install_dags(tmp_path / "dags")


def test_a_dag_of_an_older_package_says_how_its_file_goes_away():
    """Airflow shows the message as the file's import error."""
    assert "backfill" in dag_names()
    with pytest.raises(ConfigurationError, match="has no DAG 'gone': delete this file"):
        packaged_dag("gone")
