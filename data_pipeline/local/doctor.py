"""`data-pipeline doctor`: says on one page what an installation or a deployment lacks, and what to do."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from rich.table import Table
from rich.text import Text

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.local.output import columns, console, write_json
from data_pipeline.local.waiting import waiting

EXAMPLES = """examples:
  data-pipeline doctor                     credentials, clock, calendar, database, roles, shared state, quota
  data-pipeline doctor --evidence          on which grounds the vendors' wires are believed
  data-pipeline doctor --airflow           run it in the environment of the scheduler, and of each worker
  data-pipeline doctor --airflow --json

Nothing is changed, and no source is asked.
Exit codes: 0 nothing is missing, 1 something is, 2 it could not be found out.
"""


def add_doctor_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline doctor`."""
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--airflow", action="store_true", help="look at this Airflow deployment")
    what.add_argument("--evidence", action="store_true", help="say on which grounds the vendors' wires are believed")
    parser.add_argument("--json", action="store_true", help="print one JSON object: fine, and the findings")


def doctor(options: argparse.Namespace, look: Callable[[], Any] | None = None) -> int:
    """Print what was found; return 0 when nothing is missing, else 1.

    Raises:
        ConfigurationError: Airflow is to be looked at, and is not installed in this Python.
    """
    with waiting("looking"):
        findings = list((look or _look(options))())
    fine = all(one.fine for one in findings)
    if options.json:
        write_json({"fine": fine, "findings": [asdict(one) for one in findings]})
        return 0 if fine else 1
    table = Table("", "about", "found, and what to do", box=None, header_style="bold")
    for one in findings:
        sign = Text("ok", "green") if one.fine else Text("MISSING", "red")
        table.add_row(sign, one.about, Text(one.said))
        if not one.fine:
            table.add_row("", "", Text(f"-> {one.todo}", "bold"))
    out = console()
    out.print(columns(table))
    out.print("Nothing is missing." if fine else "Do what is said above from the top, then ask again.")
    return 0 if fine else 1


def _look(options: argparse.Namespace) -> Callable[[], Any]:
    if not options.airflow:
        from data_pipeline.local.checkup import look, look_at_evidence

        return look_at_evidence if options.evidence else look
    if find_spec("airflow") is None:
        raise ConfigurationError(
            "Airflow is not installed in this Python: run the doctor in the environment of the scheduler, or install "
            "korean-market-pipeline with its extra airflow"
        )
    from data_pipeline.hooks.deployment import look as look_at_airflow

    return look_at_airflow
