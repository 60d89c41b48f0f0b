"""`data-pipeline completion`: what completes the words of the command in bash and zsh."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from data_pipeline.emulator.__main__ import build_parser as emulator_parser
from data_pipeline.local.output import write_json

# What zsh reads as well: there ``path`` is PATH, and a letter behind a colon is a modifier.
_BASH = """# Written by `data-pipeline completion {name}`.
_data_pipeline() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} typed="" one
    for one in "${{COMP_WORDS[@]:1:$((COMP_CWORD-1))}}"; do
        case "$typed $one" in
{paths}            esac
    done
    case "${{typed# }}" in
{words}    esac
    case "${{COMP_WORDS[COMP_CWORD-1]}}" in
        -o|--output|--file|--dags-folder|--port-file|--keys) COMPREPLY=( $(compgen -f -- "$word") ) ;;
    esac
}}
complete -F _data_pipeline data-pipeline
"""
_ZSH = "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n"


def show_script(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Print the script and return 0."""
    script = script_for(options.shell, parser)
    if options.json:
        write_json({"shell": options.shell, "script": script})
    else:
        sys.stdout.write(script)
    return 0


def script_for(shell: str, parser: argparse.ArgumentParser) -> str:
    """Return the script for bash or zsh, which completes commands, options and choices."""
    known = dict(_words(parser, ""))
    paths = [path for path in known if path]
    cases = "".join(f'            " {path}") typed=" {path}" ;;\n' for path in paths)
    lines = "".join(
        f"""        "{path}") COMPREPLY=( $(compgen -W "{words}" -- "$word") ) ;;\n""" for path, words in known.items()
    )
    script = _BASH.format(name=shell, paths=cases, words=lines)
    return (_ZSH if shell == "zsh" else "") + script


def _words(parser: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, str]]:
    """Yield each command as it is typed, and the words that may follow it."""
    actions = (emulator_parser() if path == "emulator" else parser)._actions  # noqa: SLF001 - argparse tells it nowhere else
    flags = [flag for one in actions for flag in one.option_strings if flag.startswith("--")]
    choices = [str(word) for one in actions if one.choices for word in one.choices]
    yield path, " ".join([*choices, *flags])
    for one in actions:
        if isinstance(one, argparse._SubParsersAction):  # noqa: SLF001
            for word, sub in one.choices.items():
                yield from _words(sub, f"{path} {word}".strip())
