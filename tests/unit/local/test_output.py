"""What commands print of data: whole, exact, and never read as markup."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime, timezone
from decimal import Decimal
from io import StringIO

import pytest

from data_pipeline.cli import main
from data_pipeline.local.output import Answer, as_text, console

HOSTILE = [
    "[null, 1]",
    "[/red]",
    "[bold]x[/bold]",
    "\\[a]",
    ":smile:",
    "a\tb",
    "=1+1",
    'quo"te, comma',
    "삼성전자",
    "x" * 300,
]
EVENING = datetime(2026, 9, 22, 6, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", HOSTILE[:5] + HOSTILE[6:])
def test_a_cell_is_shown_as_it_is_when_piped(capsys, monkeypatch, text):
    """Nothing is taken for markup, cut or folded, however long it is and whatever the column is called."""
    monkeypatch.delenv("COLUMNS", raising=False)
    console().print(Answer(["[red]"], [[text]]).table())
    printed = capsys.readouterr().out
    assert f"│ {text} " in printed
    assert "[red]" in printed
    assert "1 row" in printed


def test_csv_gives_back_what_was_stored():
    """Commas, quotes and line ends included; NULL is empty."""
    out = StringIO()
    Answer(["a", "a"], [[text, None] for text in [*HOSTILE, "two\nlines"]]).write_csv(out)
    assert [*csv.reader(StringIO(out.getvalue()))] == [["a", "a"], *([text, ""] for text in [*HOSTILE, "two\nlines"])]


def test_json_keeps_columns_of_one_name_and_exact_decimals():
    """One object; what JSON has no type for is text."""
    out = StringIO()
    row = [1, None, True, Decimal("71000.10"), date(2026, 9, 22), EVENING, [None, 1], memoryview(b"\x00a")]
    Answer(["a"] * len(row), [row], more=True).write_json(out)
    assert json.loads(out.getvalue()) == {
        "columns": ["a"] * 8,
        "rows": [[1, None, True, "71000.10", "2026-09-22", "2026-09-22T06:30:00+00:00", [None, 1], "\\x0061"]],
        "more": True,
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), ([None, 1], "[null, 1]"), ({"a": "가"}, '{"a": "가"}'), (Decimal("1.50"), "1.50")],
)
def test_a_value_as_text(value, text):
    """JSON is JSON and not Python."""
    assert as_text(value) == text


def test_what_is_left_out_is_said_beside_the_data(capsys):
    """On standard error, so that a program that reads the output is not disturbed."""
    Answer(["n"], [[1], [2]], more=True).write("csv")
    out, err = capsys.readouterr()
    assert out == "n\n1\n2\n"
    assert "more than 2 rows, the first 2 shown; --rows shows more" in err


@pytest.mark.parametrize("port", ["99999", "-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(capsys, port):
    """One sentence and exit code 2, by the emulator too."""
    with pytest.raises(SystemExit) as ended:
        main(["emulator", "--port", port])
    assert ended.value.code == 2
    assert f"must be a whole number from 0 to 65535, not '{port}'" in capsys.readouterr().err


def test_a_home_that_cannot_be_made_is_said(capsys, monkeypatch, tmp_path):
    """Exit code 2, the folder and what the system says of it."""
    (tmp_path / "file").write_text("not a folder", "utf-8")
    monkeypatch.setenv("DATA_PIPELINE_HOME", str(tmp_path / "file" / "home"))
    assert main(["down"]) == 2
    said = capsys.readouterr().err
    assert "Not a directory" in said
    assert str(tmp_path / "file") in said


def test_a_misspelt_variable_stops_every_command(capsys, monkeypatch):
    """It would mean no credentials, and so synthetic data."""
    monkeypatch.setenv("KIS_APPKEY", "K" * 36)
    assert main(["coverage"]) == 2
    assert "there is no setting KIS_APPKEY: did you mean KIS_APP_KEY?" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "day"), [("--first", "1900-01-01"), ("--last", "2200-01-03")])
def test_a_day_off_the_calendar_is_said(capsys, option, day):
    """What must exist on it is not known, so it is not left out in silence."""
    assert main(["coverage", option, day]) == 2
    assert f"{option} {day} is not on the trading calendar, which runs from " in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("backfill", "--dataset", "daily_bar", "--first", "2026-09-21", "--codes", ",,,"),
        (
            "export",
            "daily_bars",
            "--first",
            "2026-09-21",
            "--last",
            "2026-09-22",
            "--codes",
            " , ",
            "-o",
            "bars.parquet",
        ),
    ],
)
def test_codes_without_a_code_are_refused(capsys, words):
    """They would mean every instrument."""
    assert main([*words]) == 2
    assert "names no stock code; leave it out for every instrument" in capsys.readouterr().err
