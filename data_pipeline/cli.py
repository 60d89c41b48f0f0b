"""The `data-pipeline` command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

import psycopg2
from dotenv import load_dotenv
from rich.markup import escape

from data_pipeline.exceptions import DataPipelineError
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
    add_verify_options,
)
from data_pipeline.local.calendar_command import add_calendar
from data_pipeline.local.doctor import add_doctor_options
from data_pipeline.local.home import local_home
from data_pipeline.local.output import console
from data_pipeline.market.clock import anchored, market_now
from data_pipeline.market.state_folder import settings_file
from data_pipeline.settings import require_known
from data_pipeline.settings.hidden import hidden

EXAMPLES = """examples:
  data-pipeline run                      load the last finished session and say what is missing
  data-pipeline up                       start Postgres and Airflow, and leave them running
  data-pipeline sql "SELECT * FROM daily_bar WHERE stock_code = '005930' ORDER BY session DESC LIMIT 5"
  data-pipeline backfill --dataset daily_bar --first 2024-01-02 --dry-run
  data-pipeline coverage                 say what must be in the warehouse, and what is missing
  data-pipeline verify                   prove that what is stored is what was loaded
  data-pipeline export daily_bars --first 2024-01-02 --last 2024-12-30 --adjusted -o bars.parquet
  data-pipeline archive                  say which old months the settings let go, and let them go
  data-pipeline backup market.dump       write the whole warehouse into a file; restore brings it back
  data-pipeline migrate                  bring the warehouse that MARKET_DB_URL names up to date
  data-pipeline airflow install --help   put the DAGs into an Airflow that is there
  data-pipeline doctor --airflow         say what an Airflow deployment lacks
  data-pipeline calendar --help          look at the trading calendar, or bring it up to date
  data-pipeline budget                   show the shared call budget and whether the circuit breaker is open
  data-pipeline stream                   write every live trade and order book of the watch list
  data-pipeline replay 2026-11-20 --speed 100  play a stored session again as a live stream
  data-pipeline metrics                  serve figures for Prometheus on 127.0.0.1
  data-pipeline emulator --help          serve the synthetic market over the wires of KIS and KRX

Settings are read from the environment and from .env; .env.example lists them all.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 not everything is there, 2 it could not be done."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    load_dotenv(settings_file(), interpolate=False, encoding="utf-8-sig")
    if words[:1] == ["emulator"]:
        from data_pipeline.emulator.__main__ import main as emulator

        return emulator(words[1:])
    options = _parser().parse_args(words)
    errors = console(stderr=True)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        # From here on this process, its children and their SQL sessions share one clock.
        os.environ.update(anchored(os.environ))
        require_known(os.environ)
        return command(options)
    except DataPipelineError as error:
        errors.print(f"[red]{type(error).__name__}[/red]: {escape(str(error))}", soft_wrap=True)
    except psycopg2.Error as error:
        errors.print(f"[red]Postgres[/red]: {escape(str(error).strip())}", soft_wrap=True)
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        where = f": {escape(str(error.filename))}" if error.filename else ""
        errors.print(
            f"[red]{type(error).__name__}[/red]: {escape(error.strerror or str(error))}{where}", soft_wrap=True
        )
    except KeyboardInterrupt:
        errors.print("Stopped.")
    return 2


def _environment() -> dict[str, str]:
    """Return what the command was told, so that no traceback shows the secrets in it."""
    return hidden(os.environ)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="data-pipeline",
        description="Korean stock market data, complete and true, in Postgres.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    add("run", _run, "Load the last finished session through Airflow, then print what is there and what is missing.")
    start = add("up", _up, "Start Postgres and Airflow and leave them running, with the UI on 127.0.0.1.")
    start.add_argument("--executor", choices=("local", "celery"), default="local", help="what runs the tasks")
    start.add_argument("--workers", type=int, default=3, help="with celery: so many workers of two tasks each (3)")
    stop = add("down", _down, "Stop what `up` started, with all that it started, and end the DAG runs under way.")
    stop.add_argument(
        "--delete", action="store_true", help="also delete the database and everything else that was kept"
    )
    upgrade = add("migrate", _migrate, "Bring the warehouse up to date; safe to repeat.")
    upgrade.add_argument("--dry-run", action="store_true", help="say what it would do to stored rows; change nothing")
    fill = add(
        "backfill", _backfill, "Fill a range of the past with what is not stored yet; may be stopped at any time."
    )
    add_backfill_options(fill)
    cover = add("coverage", _coverage, "Say for each session what must be in the warehouse, and what is missing.")
    add_coverage_options(cover)
    prove = add("verify", _verify, "Prove that every session still holds what was loaded; asks no source.")
    add_verify_options(prove)
    take = add("export", _export, "Write a part of the warehouse as one Parquet file, with units and types.")
    add_export_options(take)
    old = add("archive", _archive, "Let old months go into Parquet files, or say which would; reading goes on.")
    add_archive_options(old)
    add_backup_options(add("backup", _backup, "Write the whole warehouse into a file or folder, while loads go on."))
    add_restore_options(add("restore", _restore, "Bring a backup back into an empty database, roles included."))
    left = add(
        "budget",
        _budget,
        "Show the shared call budget and the circuit breaker of the KIS key, or the emulator's; sends nothing.",
    )
    left.add_argument("--forget", action="store_true", help="first forget what rejections taught about the quota")
    add("cache", _cache, "Forget the answers that interactive reads repeat.").add_argument("action", choices=["clear"])
    watch = add("metrics", _metrics, "Tell Prometheus how the data stands, on 127.0.0.1 only; works without Airflow.")
    add_metrics_options(watch)
    add_stream_options(
        add("stream", _stream, "Write every live trade and book (실시간 체결, 호가) until it is stopped.")
    )
    add_replay_options(add("replay", _replay, "Play a stored session's trades and order books again, as KIS's stream."))
    ask = add("sql", _sql, "Ask the warehouse a question with a role that can only read.")
    ask.add_argument("statement", help="one SQL statement; tables may be named without the schema `market`")
    ask.add_argument("--timeout", type=int, default=60, metavar="SECONDS", help="stop it after this (default: 60)")
    ask.add_argument("--rows", type=int, default=1000, metavar="ROWS", help="show at most so many (default: 1,000)")
    form = ask.add_mutually_exclusive_group()
    for name, text in (("json", "one JSON object: columns, rows, more"), ("csv", "CSV with a line of names")):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=f"print {text}")
    ask.set_defaults(form="table")
    look = add("doctor", _doctor, "Say what an Airflow deployment lacks, and what to do; changes nothing.")
    add_doctor_options(look)
    add_calendar(commands)
    add_airflow(commands)
    held = add("quarantine", _quarantine, "List the rows that checks refused, or try them again after a fix.")
    held.add_argument("action", choices=["list", "retry"])
    held.add_argument("rejected_id", nargs="*", type=int, help="retry these rows only")
    anew = add("adjust", _adjust, "Compute adjusted prices anew from the stored bars; safe to repeat.")
    anew.add_argument("stock_code", nargs="*", help="these stock codes only")
    commands.add_parser("emulator", help="Serve the synthetic market over the wires of KIS and KRX.")
    return parser


def _run(_: argparse.Namespace) -> int:
    from data_pipeline.local.fitting_clock import require_fitting_clock
    from data_pipeline.local.run import run

    require_fitting_clock(_environment())
    return run(local_home(_environment()), _environment(), market_now(), console())


def _up(options: argparse.Namespace) -> int:
    from data_pipeline.local.celery import workers_of
    from data_pipeline.local.fitting_clock import require_fitting_clock
    from data_pipeline.local.up import Running, start_everything

    workers = workers_of(options.executor, options.workers)
    require_fitting_clock(_environment())
    out = console()
    for step in start_everything(local_home(_environment()).prepare(), _environment(), workers):
        if isinstance(step, Running):
            out.print(f"\nAirflow is at [bold]{step.url}[/bold], user [bold]{step.user}[/bold].")
            out.print(f"The password is in {step.password_file}, the logs are in {step.log_folder}.")
        else:
            out.print(f"  {step}")
    return 0


def _down(options: argparse.Namespace) -> int:
    from data_pipeline.local.up import delete_everything, stop_everything

    out = console()
    home = local_home(_environment()).prepare()
    stopped = [*stop_everything(home)]
    out.print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")
    if options.delete:
        delete_everything(home)
        out.print(f"Deleted {home.root}.", markup=False, soft_wrap=True)
    return 0


def _migrate(options: argparse.Namespace) -> int:
    from data_pipeline.local.migration import migrate_warehouse

    return migrate_warehouse(local_home(_environment()), _environment(), console(), dry_run=options.dry_run)


def _backfill(options: argparse.Namespace) -> int:
    from data_pipeline.local.backfill import backfill, wish_of

    return backfill(wish_of(options), local_home(_environment()), _environment(), market_now(), console())


def _coverage(options: argparse.Namespace) -> int:
    from data_pipeline.local.coverage import show_coverage

    return show_coverage(options, local_home(_environment()), _environment(), market_now(), console())


def _verify(options: argparse.Namespace) -> int:
    from data_pipeline.local.verify import verify

    return verify(options, local_home(_environment()), _environment(), console())


def _export(options: argparse.Namespace) -> int:
    from data_pipeline.local.export import export_parquet

    return export_parquet(options, local_home(_environment()), _environment(), console())


def _archive(options: argparse.Namespace) -> int:
    from data_pipeline.local.archive import archive

    return archive(options, local_home(_environment()), _environment(), market_now(), console())


def _backup(options: argparse.Namespace) -> int:
    from data_pipeline.local.backup import make_backup

    return make_backup(options, local_home(_environment()), _environment(), console())


def _restore(options: argparse.Namespace) -> int:
    from data_pipeline.local.backup import restore_backup

    return restore_backup(options, local_home(_environment()), _environment(), console())


def _budget(options: argparse.Namespace) -> int:
    from data_pipeline.local.budget import budget_table

    console().print(budget_table(_environment(), forget=options.forget))
    return 0


def _cache(_: argparse.Namespace) -> int:
    from data_pipeline.sources.factory import create_data_source

    with create_data_source(environ=_environment()) as source:
        console().print(f"{source.reads.clear()} answers of {source.name} forgotten.")
    return 0


def _metrics(options: argparse.Namespace) -> int:
    from data_pipeline.local.metrics import export_metrics

    return export_metrics(options, local_home(_environment()), _environment())


def _replay(options: argparse.Namespace) -> int:
    from data_pipeline.local.replay import replay

    return replay(options, local_home(_environment()), _environment())


def _stream(options: argparse.Namespace) -> int:
    from data_pipeline.local.stream import stream

    return stream(options, local_home(_environment()), _environment())


def _sql(options: argparse.Namespace) -> int:
    from data_pipeline.local.sql import query

    answer = query(local_home(_environment()), _environment(), options.statement, options.timeout, options.rows)
    answer.write(options.form)
    return 0


def _quarantine(options: argparse.Namespace) -> int:
    from data_pipeline.local.quarantine import list_quarantine, retry_quarantine

    if options.action == "list":
        console().print(list_quarantine(_environment()))
        return 0
    counts = retry_quarantine(_environment(), options.rejected_id or None)
    if not counts:
        console().print("Nothing is in quarantine.")
        return 0
    console().print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return 1 if counts["refused"] else 0


def _doctor(options: argparse.Namespace) -> int:
    from data_pipeline.local.doctor import doctor

    return doctor(options)


def _adjust(options: argparse.Namespace) -> int:
    from data_pipeline.local.quarantine import adjust

    changed = adjust(_environment(), options.stock_code or None)
    console().print(f"{changed} adjustments changed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
