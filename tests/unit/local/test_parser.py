"""What every command has in common: JSON for programs, examples for people, completion for both."""

import os
import pty
import re
import select
import shutil
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
        (["data-pipeline", "gaps", "--dataset", "tra"], ["trade"]),
        (["data-pipeline", "emulator", "--froz"], ["--frozen"]),
    ],
)
def test_bash_completes_commands_options_and_choices(words, offered):
    """Also behind options and their values, and the words of a command's own commands."""
    assert completed(*words) == offered


ZSHRC = """PS1=''
{script}
_tell() {{ print -r -- "<<$BUFFER>>" }}
zle -N _tell
bindkey '^T' _tell
echo READY
"""
KILL_LINE, TELL = b"\x15", b"\t\x14"
"""Keys that begin a line anew; complete the word and tell the line."""


@pytest.fixture(scope="module")
def zsh(tmp_path_factory):
    """Gives the line that a real zsh makes of one that is begun, at the press of the tab key."""
    program = shutil.which("zsh")
    if program is None:
        pytest.skip("there is no zsh here: apt-get install zsh")
    folder = tmp_path_factory.mktemp("zsh")
    (folder / ".zshrc").write_text(ZSHRC.format(script=script_for("zsh", _parser())), "utf-8")
    ours, its = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name == "PATH"}
    environ = {**kept, "HOME": str(folder), "ZDOTDIR": str(folder), "TERM": "dumb"}
    shell = subprocess.Popen(
        [program, "-d", "-i"], stdin=its, stdout=its, stderr=its, env=environ, start_new_session=True
    )
    os.close(its)
    said = b""

    def until(pattern):
        nonlocal said
        while not (found := re.search(pattern, said)):
            assert select.select([ours], [], [], 60)[0], said
            said += os.read(ours, 4096)
        said = said[found.end() :]
        return found[1].decode()

    def press(line):
        os.write(ours, KILL_LINE + line.encode() + TELL)
        return until(rb"<<(.*?)>>")

    until(rb"(READY)\r?\n")
    yield press
    shell.kill()
    shell.wait()
    os.close(ours)


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("data-pipeline cov", "data-pipeline coverage "),
        ("data-pipeline backfill --dry", "data-pipeline backfill --dry-run "),
        ("data-pipeline backfill --first 2026-09-01 --la", "data-pipeline backfill --first 2026-09-01 --last "),
        ("data-pipeline calendar la", "data-pipeline calendar late "),
        ("data-pipeline gaps --dataset minute", "data-pipeline gaps --dataset minute_bar "),
    ],
)
def test_zsh_completes_the_same_words(zsh, typed, line):
    """Through its own emulation of bash's completion, which reads a script more strictly than bash does."""
    assert zsh(typed) == line


def test_a_program_gets_an_error_as_an_object(capsys, monkeypatch):
    """People read the same sentence on standard error; exit code 2."""
    monkeypatch.setenv("KIS_APPKEY", "K" * 36)
    assert main(["coverage", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith('{"error": "ConfigurationError", "message": "there is no setting KIS_APPKEY')
    assert "there is no setting KIS_APPKEY" in err
