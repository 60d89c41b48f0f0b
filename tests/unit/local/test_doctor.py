"""`data-pipeline doctor --airflow`: what it prints, and how it ends."""

from __future__ import annotations

import argparse
import json

import pytest

from data_pipeline.cli import main
from data_pipeline.local.checkup import look
from data_pipeline.local.doctor import doctor
from data_pipeline.warehouse.looking import Finding

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


def test_it_looks_at_one_thing_at_a_time(capsys):
    """An Airflow deployment, or the grounds of what is believed; without either at the installation."""
    with pytest.raises(SystemExit):
        main(["doctor", "--airflow", "--evidence"])
    assert "not allowed with" in capsys.readouterr().err


def test_the_grounds_of_what_is_believed_are_counted(capsys):
    """Of each vendor, and nothing is asked; no belief rests on an inference that nothing checks."""
    assert main(["doctor", "--evidence", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["about"] for one in told["findings"]] == ["kis", "krx"]
    assert all("by document" in one["said"] for one in told["findings"])


def test_an_installation_without_a_warehouse_lacks_one(tmp_path):
    """Each part is looked at, whatever another one lacks; what to do stands beside it, and no key is shown."""
    secret = "S" * 180
    environ = {
        "DATA_PIPELINE_HOME": str(tmp_path),
        "COORDINATION_URL": (tmp_path / "shared").as_uri(),
        "KIS_APP_KEY": "K" * 36,
        "KIS_APP_SECRET": secret,
        "MARKET_CLOCK": "2026-09-22T20:40+09:00",
    }
    found = {one.about: one for one in look(environ)}
    assert {about for about, one in found.items() if not one.fine} == {"database"}
    assert "`data-pipeline run` makes one" in found["database"].todo
    assert "1 of KIS (kis-virtual)" in found["credentials"].said
    assert "2026-09-22 20:40:00, fixed by MARKET_CLOCK" in found["clock"].said
    assert {"versions", "calendar", "shared state", "quota", "circuit breaker"} <= found.keys()
    assert "K" * 36 not in repr(found)
    assert secret not in repr(found)
