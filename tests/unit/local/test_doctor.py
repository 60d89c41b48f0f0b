"""`data-pipeline doctor --airflow`: what it prints, and how it ends."""

from __future__ import annotations

import argparse
import json

import pytest

from data_pipeline.cli import main
from data_pipeline.hooks.deployment import Finding
from data_pipeline.local.doctor import doctor

GOOD = Finding("pools", fine=True, said="both exist", todo="make them")
BAD = Finding("warehouse", fine=False, said="its schema is at [none]", todo="run data-pipeline migrate")


def asked(findings, capsys, *, as_json=False):
    """The exit code, and what was printed."""
    code = doctor(argparse.Namespace(json=as_json), lambda: findings)
    return code, capsys.readouterr().out


def test_what_is_missing_is_said_with_what_to_do(capsys):
    """It ends with 1, and advice stands beside what is missing only."""
    code, said = asked([GOOD, BAD], capsys)
    assert code == 1
    assert "MISSING" in said
    assert "its schema is at [none]" in said
    assert "run data-pipeline migrate" in said
    assert "make them" not in said


def test_where_nothing_is_missing_it_ends_with_0(capsys):
    """One line says so."""
    code, said = asked([GOOD], capsys)
    assert (code, said.splitlines()[-1]) == (0, "Nothing is missing.")


def test_programs_get_one_json_object(capsys):
    """With each finding."""
    code, said = asked([BAD], capsys, as_json=True)
    told = json.loads(said)
    assert (code, told["fine"], told["findings"][0]["about"]) == (1, False, "warehouse")


def test_it_says_what_it_looks_at(capsys):
    """Without --airflow there is nothing that it could look at."""
    with pytest.raises(SystemExit):
        main(["doctor"])
    assert "--airflow" in capsys.readouterr().err
