"""The words of the command `data-pipeline`: every command with its options, in the order in which they are needed."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping

from data_pipeline.local.airflow_install import add_airflow
from data_pipeline.local.arguments import (
    add_archive_options,
    add_backfill_options,
    add_backup_options,
    add_coverage_options,
    add_export_options,
    add_metrics_options,
    add_replay_options,
    add_restore_options,
    add_stream_options,
    add_unarchive_options,
    add_verify_options,
)
from data_pipeline.local.calendar_command import add_calendar
from data_pipeline.local.doctor import add_doctor_options
from data_pipeline.local.looking import (
    add_bars_options,
    add_book_options,
    add_gaps_options,
    add_quote_options,
    add_status_options,
)
from data_pipeline.local.words import examples

Command = Callable[[argparse.Namespace], int]

EXAMPLES = """examples:
  data-pipeline run                      load the last finished session and say what is missing
  data-pipeline status                   is everything there and true? what is missing, refused, left?
  data-pipeline up                       start Postgres and Airflow, and leave them running
  data-pipeline quote 005930 000660      ask the source for present prices
  data-pipeline bars 005930              show the newest daily bars that are stored
  data-pipeline sql "SELECT * FROM daily_bar WHERE stock_code = '005930' ORDER BY session DESC LIMIT 5"
  data-pipeline backfill --dataset daily_bar --first 2024-01-02 --dry-run
  data-pipeline coverage                 say what must be in the warehouse, and what is missing
  data-pipeline gaps                     say which instruments lack what, and why
  data-pipeline verify                   prove that what is stored is what was loaded
  data-pipeline export daily_bars --first 2024-01-02 --last 2024-12-30 --adjusted -o bars.parquet
  data-pipeline archive                  say which old months the settings let go, and let them go
  data-pipeline unarchive minute_bar 2024-03  bring an archived month back
  data-pipeline backup market.dump       write the whole warehouse into a file; restore brings it back
  data-pipeline migrate                  bring the warehouse that MARKET_DB_URL names up to date
  data-pipeline airflow install --help   put the DAGs into an Airflow that is there
  data-pipeline mcp                      answer an assistant's questions on standard input and output
  data-pipeline doctor                   look at credentials, clock, database and shared state
  data-pipeline doctor --airflow         say what an Airflow deployment lacks
  data-pipeline calendar --help          look at the trading calendar, or bring it up to date
  data-pipeline budget                   show the shared call budget and whether the circuit breaker is open
  data-pipeline stream                   write every live trade and order book of the watch list
  data-pipeline replay 2026-11-20 --speed 100  play a stored session again as a live stream
  data-pipeline metrics                  serve figures for Prometheus on 127.0.0.1
  data-pipeline emulator --help          serve the synthetic market over the wires of KIS and KRX
  data-pipeline completion bash          print what completes these words in bash or zsh

Every command takes --json. Settings are read from the environment and from .env; .env.example lists them all.
"""


def build_parser(command: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return the parser.

    Args:
        command: What each word of :data:`WORDS` does; commands with words of their own bring it themselves.
    """
    parser = argparse.ArgumentParser(
        prog="data-pipeline",
        description="Korean stock market data, complete and true, in Postgres.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (text, add_options) in WORDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command[name])
        add_options(sub)
        if name == "verify":  # where it always stood
            add_calendar(commands)
            add_airflow(commands)
    commands.add_parser("emulator", help="Serve the synthetic market over the wires of KIS and KRX.")
    for name, one in leaves(parser):
        if name != "data-pipeline emulator":
            _let_it_speak_json(one)
            one.formatter_class = argparse.RawDescriptionHelpFormatter
            one.epilog = one.epilog or examples(name)
    return parser


def leaves(
    parser: argparse.ArgumentParser, name: str = "data-pipeline"
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield each command that does something, and its parser."""
    parts = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]  # noqa: SLF001
    if not parts:
        yield name, parser
    for part in parts:
        for word, sub in part.choices.items():
            yield from leaves(sub, f"{name} {word}")


def _let_it_speak_json(parser: argparse.ArgumentParser) -> None:
    if not any("--json" in one.option_strings for one in parser._actions):  # noqa: SLF001
        parser.add_argument("--json", action="store_true", help="print one JSON object, and everything else beside it")


def _no_options(_: argparse.ArgumentParser) -> None:
    """Add nothing."""


def _up(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--paused", action="store_true", help="load nothing first, and leave every DAG paused")
    add("--executor", choices=("local", "celery"), default="local", help="what runs the tasks")
    add("--workers", type=int, default=3, help="with celery: so many workers of two tasks each (3)")


def _cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["clear"])


def _down(parser: argparse.ArgumentParser) -> None:
    text = "also delete the database and everything else that was kept"
    parser.add_argument("--delete", action="store_true", help=text)


def _migrate(parser: argparse.ArgumentParser) -> None:
    text = "say what it would do to stored rows; change nothing"
    parser.add_argument("--dry-run", action="store_true", help=text)


def _budget(parser: argparse.ArgumentParser) -> None:
    text = "first forget what rejections taught about the quota"
    parser.add_argument("--forget", action="store_true", help=text)


def _sql(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("statement", help="one SQL statement; tables may be named without the schema `market`")
    add("--timeout", type=int, default=60, metavar="SECONDS", help="stop it after this (default: 60)")
    add("--rows", type=int, default=1000, metavar="ROWS", help="show at most so many (default: 1,000)")
    form = parser.add_mutually_exclusive_group()
    for name, text in (("json", "one JSON object: columns, rows, more"), ("csv", "CSV with a line of names")):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=f"print {text}")
    parser.set_defaults(form="table")


def _quarantine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["list", "retry"])
    parser.add_argument("rejected_id", nargs="*", type=int, help="retry these rows only")


def _adjust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stock_code", nargs="*", help="these stock codes only")


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=["bash", "zsh"])


WORDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "run": (
        "Load the last finished session through Airflow, then print what is there and what is missing.", _no_options
    ),
    "status": (
        "Say in one screen whether the last sessions are complete and true, and what is missing, refused and left.",
        add_status_options,
    ),
    "up": ("Load the last session if there is none, then start Postgres and Airflow and leave them running.", _up),
    "down": ("Stop what `up` started, with all that it started, and end the DAG runs under way.", _down),
    "migrate": ("Bring the warehouse up to date; safe to repeat.", _migrate),
    "quote": ("Ask the source for present prices (현재가); nothing is stored.", add_quote_options),
    "book": ("Ask the source for the order book (호가) of one instrument; nothing is stored.", add_book_options),
    "bars": ("Show stored bars of one instrument, daily or of minutes; refuses to show a gap as if it were none.",
             add_bars_options),
    "backfill": (
        "Fill a range of the past with what is not stored yet; may be stopped at any time.", add_backfill_options
    ),
    "coverage": ("Say for each session what must be in the warehouse, and what is missing.", add_coverage_options),
    "gaps": ("Say which instruments lack what, from which session to which, and why.", add_gaps_options),
    "verify": ("Prove that every session still holds what was loaded; asks no source.", add_verify_options),
    "export": ("Write a part of the warehouse as one Parquet file, with units and types.", add_export_options),
    "archive": ("Let old months go into Parquet files, or say which would; reading goes on.", add_archive_options),
    "unarchive": ("Bring archived months back into Postgres, out of their Parquet files.", add_unarchive_options),
    "backup": ("Write the whole warehouse into a file or folder, while loads go on.", add_backup_options),
    "restore": ("Bring a backup back into an empty database, roles included.", add_restore_options),
    "budget": (
        "Show the shared call budget and the circuit breaker of the KIS key, or the emulator's; sends nothing.", _budget
    ),
    "cache": ("Forget the answers that interactive reads may repeat, for all who share them.", _cache),
    "metrics": (
        "Tell Prometheus how the data stands, on 127.0.0.1 only; works without Airflow.", add_metrics_options
    ),
    "stream": ("Write every live trade and book (실시간 체결, 호가) until it is stopped.", add_stream_options),
    "replay": ("Play a stored session's trades and order books again, as KIS's stream.", add_replay_options),
    "sql": ("Ask the warehouse a question with a role that can only read.", _sql),
    "mcp": ("Answer an assistant's questions over the Model Context Protocol; reads only, and says gaps.", _no_options),
    "doctor": ("Look at this installation, or at an Airflow deployment, and say what to do; changes nothing.",
               add_doctor_options),
    "quarantine": ("List the rows that checks refused, or try them again after a fix.", _quarantine),
    "adjust": ("Compute adjusted prices anew from the stored bars; safe to repeat.", _adjust),
    "completion": ("Print what completes the words of this command in a shell.", _completion),
}  # fmt: skip
"""Each command, what it does, and what adds its options."""
