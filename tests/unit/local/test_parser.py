"""What every command has in common: JSON for programs, examples for people, completion for both."""

import re
import subprocess

import pytest

from data_pipeline.cli import _parser, main
from data_pipeline.emulator.__main__ import build_parser as emulator_parser
from data_pipeline.local.completion import script_for
from data_pipeline.local.parser import leaves

COMMANDS = {
    name: emulator_parser() if name == "data-pipeline emulator" else parser for name, parser in leaves(_parser())
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_json(name):
    """Programs need not read tables."""
    assert "--json" in {flag for one in COMMANDS[name]._actions for flag in one.option_strings}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_shows_examples(name):
    """One that can be typed as it stands, below the options, and which exit code means what but for the server."""
    said = COMMANDS[name].format_help()
    typed = "python -m data_pipeline.emulator" if name == "data-pipeline emulator" else name
    assert f"examples:\n  {typed}" in said or f"\n  {typed} " in said
    assert "Exit codes: 0" in said or name in ("data-pipeline emulator", "data-pipeline metrics")


def test_every_command_is_among_the_examples_of_the_first_help():
    """Whoever types nothing but --help finds each of them."""
    said = _parser().format_help()
    words = {name.split()[1] for name in COMMANDS}
    assert [word for word in words if not re.search(rf"^    {word}\b", said, re.MULTILINE)] == []


def completed(*words):
    """What bash offers after these words, the last of which is begun."""
    script = script_for("bash", _parser())
    ask = f'COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _data_pipeline; echo "${{COMPREPLY[*]}}"'
    done = subprocess.run(["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["data-pipeline", "cov"], ["coverage"]),
        (["data-pipeline", "qu"], ["quote", "quarantine"]),
        (["data-pipeline", "backfill", "--dry"], ["--dry-run"]),
        (["data-pipeline", "backfill", "--first", "2026-09-01", "--la"], ["--last"]),
        (["data-pipeline", "calendar", "la"], ["late"]),
        (["data-pipeline", "calendar", "late", "--so"], ["--source"]),
        (["data-pipeline", "gaps", "--dataset", "minute"], ["minute_bar"]),
        (["data-pipeline", "emulator", "--froz"], ["--frozen"]),
    ],
)
def test_bash_completes_commands_options_and_choices(words, offered):
    """Also behind options and their values, and the words of a command's own commands."""
    assert completed(*words) == offered


def test_zsh_uses_the_same_words():
    """Through its own emulation of bash's completion."""
    script = script_for("zsh", _parser())
    assert "bashcompinit" in script.splitlines()[0]
    assert script.splitlines()[-1] == "complete -F _data_pipeline data-pipeline"


def test_a_program_gets_an_error_as_an_object(capsys, monkeypatch):
    """People read the same sentence on standard error; exit code 2."""
    monkeypatch.setenv("KIS_APPKEY", "K" * 36)
    assert main(["coverage", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith('{"error": "ConfigurationError", "message": "there is no setting KIS_APPKEY')
    assert "there is no setting KIS_APPKEY" in err
