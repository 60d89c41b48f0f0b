"""The `data-pipeline` command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

import psycopg2
from dotenv import load_dotenv
from rich.console import Console
from rich.markup import escape

from data_pipeline.exceptions import DataPipelineError
from data_pipeline.local.home import local_home
from data_pipeline.local.output import console, write_json
from data_pipeline.local.parser import build_parser
from data_pipeline.market.clock import anchored, market_now
from data_pipeline.market.state_folder import settings_file
from data_pipeline.settings import require_known
from data_pipeline.settings.hidden import hidden


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 not everything is there, 2 it could not be done."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    load_dotenv(settings_file(), interpolate=False, encoding="utf-8-sig")
    if words[:1] == ["emulator"]:
        from data_pipeline.emulator.__main__ import main as emulator

        return emulator(words[1:])
    options = _parser().parse_args(words)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        # From here on this process, its children and their SQL sessions share one clock.
        os.environ.update(anchored(os.environ))
        require_known(os.environ)
        return command(options)
    except DataPipelineError as error:
        _say(options, type(error).__name__, str(error))
    except psycopg2.Error as error:
        _say(options, "Postgres", str(error).strip())
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        _say(options, type(error).__name__, f"{error.strerror or error}{where}")
    except KeyboardInterrupt:
        console(stderr=True).print("Stopped.")
    return 2


def _say(options: argparse.Namespace, kind: str, text: str) -> None:
    """Say what went wrong: to people on standard error, and to a program that asked for JSON as an object as well."""
    console(stderr=True).print(f"[red]{escape(kind)}[/red]: {escape(text)}", soft_wrap=True)
    if getattr(options, "json", False) or getattr(options, "form", "") == "json":
        write_json({"error": kind, "message": text})


def _environment() -> dict[str, str]:
    """Return what the command was told, so that no traceback shows the secrets in it."""
    return hidden(os.environ)


def _out(options: argparse.Namespace) -> Console:
    """Return where people read; beside the one JSON object that a program asked for."""
    return console(stderr=options.json)


def _parser() -> argparse.ArgumentParser:
    return build_parser(COMMANDS)


def _run(options: argparse.Namespace) -> int:
    from data_pipeline.local.fitting_clock import require_fitting_clock
    from data_pipeline.local.run import run

    require_fitting_clock(_environment())
    home = local_home(_environment())
    return run(home, _environment(), market_now(), _out(options), as_json=options.json)


def _status(options: argparse.Namespace) -> int:
    from data_pipeline.local.status import show_status

    return show_status(options, local_home(_environment()), _environment(), _out(options))


def _up(options: argparse.Namespace) -> int:
    from data_pipeline.local.celery import workers_of
    from data_pipeline.local.fitting_clock import require_fitting_clock
    from data_pipeline.local.starting import show_start

    workers = workers_of(options.executor, options.workers)
    require_fitting_clock(_environment())
    home, out = local_home(_environment()).prepare(), _out(options)
    return show_start(options, home, _environment(), out, workers)


def _down(options: argparse.Namespace) -> int:
    from data_pipeline.local.up import delete_everything, stop_everything

    out = _out(options)
    home = local_home(_environment()).prepare()
    stopped = [*stop_everything(home)]
    out.print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")
    if options.delete:
        delete_everything(home)
        out.print(f"Deleted {home.root}.", markup=False, soft_wrap=True)
    if options.json:
        write_json({"stopped": stopped, "deleted": str(home.root) if options.delete else None})
    return 0


def _migrate(options: argparse.Namespace) -> int:
    from data_pipeline.local.migration import migrate_warehouse

    home, out = local_home(_environment()), _out(options)
    return migrate_warehouse(home, _environment(), out, dry_run=options.dry_run, as_json=options.json)


def _quote(options: argparse.Namespace) -> int:
    from data_pipeline.local.quotes import show_quotes

    return show_quotes(options, local_home(_environment()), _environment())


def _book(options: argparse.Namespace) -> int:
    from data_pipeline.local.quotes import show_book

    return show_book(options, local_home(_environment()), _environment())


def _bars(options: argparse.Namespace) -> int:
    from data_pipeline.local.bars import show_bars

    return show_bars(options, local_home(_environment()), _environment(), market_now())


def _backfill(options: argparse.Namespace) -> int:
    from data_pipeline.local.backfill import backfill, wish_of

    home, out = local_home(_environment()), _out(options)
    return backfill(wish_of(options), home, _environment(), market_now(), out, as_json=options.json)


def _coverage(options: argparse.Namespace) -> int:
    from data_pipeline.local.coverage import show_coverage

    home, out = local_home(_environment()), _out(options)
    return show_coverage(options, home, _environment(), market_now(), out, as_json=options.json)


def _gaps(options: argparse.Namespace) -> int:
    from data_pipeline.local.gaps import show_gaps

    return show_gaps(options, local_home(_environment()), _environment(), market_now(), _out(options))


def _verify(options: argparse.Namespace) -> int:
    from data_pipeline.local.verify import verify

    return verify(options, local_home(_environment()), _environment(), console())


def _export(options: argparse.Namespace) -> int:
    from data_pipeline.local.export import export_parquet

    home, out = local_home(_environment()), _out(options)
    return export_parquet(options, home, _environment(), out, as_json=options.json)


def _archive(options: argparse.Namespace) -> int:
    from data_pipeline.local.archive import archive

    return archive(options, local_home(_environment()), _environment(), market_now(), console())


def _unarchive(options: argparse.Namespace) -> int:
    from data_pipeline.local.unarchive import unarchive

    return unarchive(options, local_home(_environment()), _environment(), market_now(), console())


def _backup(options: argparse.Namespace) -> int:
    from data_pipeline.local.backup import make_backup

    return make_backup(options, local_home(_environment()), _environment(), _out(options))


def _restore(options: argparse.Namespace) -> int:
    from data_pipeline.local.backup import restore_backup

    return restore_backup(options, local_home(_environment()), _environment(), _out(options))


def _budget(options: argparse.Namespace) -> int:
    from data_pipeline.local.budget import show_budget

    return show_budget(options, _environment(), _out(options))


def _cache(options: argparse.Namespace) -> int:
    from data_pipeline.sources.factory import create_data_source

    with create_data_source(environ=_environment()) as source:
        cleared, name = source.reads.clear(), source.name
    _out(options).print(f"{cleared} answers of {name} forgotten.")
    if options.json:
        write_json({"source": name, "forgotten": cleared})
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
    from data_pipeline.local.quarantine import show_quarantine

    return show_quarantine(options, _environment(), _out(options))


def _mcp(options: argparse.Namespace) -> int:
    from data_pipeline.local.assistant import serve

    return serve(options, _environment())


def _doctor(options: argparse.Namespace) -> int:
    from data_pipeline.local.doctor import doctor

    return doctor(options)


def _adjust(options: argparse.Namespace) -> int:
    from data_pipeline.local.quarantine import show_adjusted

    return show_adjusted(options, _environment(), _out(options))


def _completion(options: argparse.Namespace) -> int:
    from data_pipeline.local.completion import show_script

    return show_script(options, _parser())


COMMANDS = {
    "run": _run, "status": _status, "up": _up, "down": _down, "migrate": _migrate, "quote": _quote, "book": _book,
    "bars": _bars, "backfill": _backfill, "coverage": _coverage, "gaps": _gaps, "verify": _verify, "export": _export,
    "archive": _archive, "unarchive": _unarchive, "backup": _backup, "restore": _restore, "budget": _budget,
    "cache": _cache, "metrics": _metrics, "stream": _stream, "replay": _replay, "sql": _sql, "mcp": _mcp,
    "doctor": _doctor, "quarantine": _quarantine, "adjust": _adjust, "completion": _completion,
}  # fmt: skip
"""What each word of :data:`~data_pipeline.local.parser.WORDS` does."""

if __name__ == "__main__":
    sys.exit(main())
