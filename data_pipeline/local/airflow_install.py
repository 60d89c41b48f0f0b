"""`data-pipeline airflow install`: puts the packaged DAGs into the DAGs folder of an Airflow that is there."""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data_pipeline.dag_files import dag_names
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.local.output import console

EXAMPLES = """examples:
  data-pipeline airflow install --dags-folder "$(airflow config get-value core dags_folder)"
  data-pipeline airflow install --dags-folder /opt/airflow/dags --dag-id-prefix krx_ --dry-run

One small file a DAG, which loads the DAG from the installed package; after an upgrade of the package run it again.
With another prefix than before the files of the other one go away. A file that this command did not write stays.
Exit codes: 0 every DAG is in place, 1 a file of somebody else is in the way, 2 it could not be done.
"""

MARK = "# Written by `data-pipeline airflow install`, which writes it anew: do not edit it."
_FILE = """{mark}
# The words airflow and dag are what Airflow looks for before it reads a file.
from data_pipeline.dag_files import packaged_dag

dag = packaged_dag({name!r}, prefix={prefix!r})
"""
_PREFIX = re.compile(r"[A-Za-z0-9_.-]{0,100}")


@dataclass(frozen=True)
class Installed:
    """What was done, or with ``dry_run`` would be: names of files, in order."""

    folder: str
    dry_run: bool
    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    """Written earlier, for another prefix or for a DAG that is no more."""
    in_the_way: list[str] = field(default_factory=list)
    """Not written by this command, so left as they are; their DAGs are not in place."""


def add_airflow(commands: Any) -> None:
    """Add the command ``airflow`` and its own command to a parser's subparsers."""
    text = "Put this package's DAGs into an Airflow that is there."
    parser = commands.add_parser("airflow", help=text, description=text)
    parts = parser.add_subparsers(metavar="COMMAND", required=True)
    said = "Write one small file a DAG into Airflow's DAGs folder; safe to repeat."
    install = parts.add_parser(
        "install", help=said, description=said, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    install.set_defaults(command=_install)
    add = install.add_argument
    add("--dags-folder", type=Path, required=True, metavar="PATH", help="Airflow's DAGs folder; made when absent")
    add("--dag-id-prefix", default="", metavar="X", help="comes before each dag_id, where one is taken already")
    add("--dry-run", action="store_true", help="say what it would do; change nothing")
    add("--json", action="store_true", help="print one JSON object")


def install_dags(folder: Path, prefix: str = "", *, dry_run: bool = False) -> Installed:
    """Put a file for each DAG into a folder, and take those away that this did before and that are not wanted now.

    Args:
        folder: Made when absent.
        prefix: Comes before each ``dag_id`` and each file's name: letters, digits, ``_``, ``.`` and ``-``.
        dry_run: Whether nothing is changed.

    Raises:
        InvalidRequestError: The prefix has another character, or the folder's path is a file's.
        OSError: It cannot be written there.
    """
    if not _PREFIX.fullmatch(prefix):
        raise InvalidRequestError("--dag-id-prefix takes up to 100 letters, digits, '_', '.' and '-', as Airflow does")
    if folder.exists() and not folder.is_dir():
        raise InvalidRequestError(f"{folder} is a file: --dags-folder takes a folder")
    wanted = {f"{prefix}{name}.py": _FILE.format(mark=MARK, name=name, prefix=prefix) for name in dag_names()}
    done = Installed(str(folder), dry_run)
    for name, text in wanted.items():
        _list_for(folder / name, text, done).append(name)
    done.removed.extend(path.name for path in sorted(folder.glob("*.py")) if path.name not in wanted and _ours(path))
    if not dry_run:
        folder.mkdir(parents=True, exist_ok=True)
        for name in done.written:
            _write(folder / name, wanted[name])
        for name in done.removed:
            (folder / name).unlink()
    return done


def _list_for(path: Path, text: str, done: Installed) -> list[str]:
    if os.path.lexists(path) and not _ours(path):
        return done.in_the_way
    return done.unchanged if path.exists() and path.read_text("utf-8") == text else done.written


def _ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK.encode()


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all, for Airflow may read it at any moment."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".new", delete=False) as draft:
        draft.write(text)
    os.chmod(draft.name, 0o644)  # noqa: PTH101 - DAG files hold no secret, and another user may run Airflow
    os.replace(draft.name, path)  # noqa: PTH105


def _install(options: argparse.Namespace) -> int:
    done = install_dags(options.dags_folder, options.dag_id_prefix, dry_run=options.dry_run)
    if options.json:
        print(json.dumps(asdict(done)))  # noqa: T201 - it is the answer
        return 1 if done.in_the_way else 0
    out = console()
    would = "This was a dry run: nothing was changed. " if done.dry_run else ""
    counts = ", ".join(f"{len(names)} {what}" for what, names in _groups(done).items() if names)
    out.print(f"{would}{done.folder}: {counts}.", markup=False, soft_wrap=True)
    for name in done.in_the_way:
        out.print(
            f"{name} is not ours and stays: move it away, or choose a --dag-id-prefix.", markup=False, soft_wrap=True
        )
    return 1 if done.in_the_way else 0


def _groups(done: Installed) -> dict[str, list[str]]:
    return {
        "written": done.written, "unchanged": done.unchanged, "removed": done.removed, "in the way": done.in_the_way
    }  # fmt: skip
