"""Writes the reference page of the commands out of their own parsers.

python -m tools.commands_page > docs/reference/commands.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from data_pipeline.cli import _parser
from data_pipeline.emulator.__main__ import build_parser

HEAD = """# Commands

Written by `python -m tools.commands_page` from the commands themselves; `data-pipeline COMMAND --help` says the same
with examples. Commands read the [settings](configuration.md). Exit codes: 0 it is done, 1 something is still missing
or refused, 2 it could not be done."""


def lines() -> Iterator[str]:
    """Yield the page line by line."""
    yield HEAD
    for name, parser, text in _commands(_parser(), "data-pipeline"):
        yield from ("", f"## `{name}`", "", text or str(parser.description))
        yield from _options(build_parser() if name == "data-pipeline emulator" else parser)


def _commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    """Yield each command that does something, its parser and what is said of it."""
    for action in parser._actions:  # noqa: SLF001 - argparse tells what it knows nowhere else
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            said = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            for word, sub in action.choices.items():
                below = list(_commands(sub, f"{name} {word}"))
                yield from below or [(f"{name} {word}", sub, said.get(word, ""))]


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    rows = [
        f"| {_name(action)} | {_meaning(parser, action)} |"
        for action in parser._actions  # noqa: SLF001
        if not isinstance(action, argparse._HelpAction)  # noqa: SLF001
    ]
    if rows:
        yield from ("", "| option | meaning |", "|---|---|", *rows)


def _name(action: argparse.Action) -> str:
    """Return how it is typed: flags with what follows them, or the word of an argument."""
    choices = action.choices if action.metavar is None else None
    word = str(action.metavar or (action.dest.upper() if action.option_strings else action.dest))
    value = " or ".join(f"`{choice}`" for choice in choices or (word.replace("|", " or "),))
    flags = ", ".join(f"`{flag}`" for flag in action.option_strings)
    return flags if action.nargs == 0 else f"{flags} {value}".strip()


def _meaning(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    said = parser._get_formatter()._expand_help(action) if action.help else ""  # noqa: SLF001
    needed = "required" if action.required and action.option_strings else ""
    return "; ".join(filter(None, (said, needed))) or "-"


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
