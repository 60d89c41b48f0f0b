"""`data-pipeline up`, from an empty folder to rows on the screen: first load, start, schedules."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from data_pipeline.datasets import DATASETS
from data_pipeline.local.airflow_database import METADATA_DATABASE, METADATA_ROLE
from data_pipeline.local.celery import Workers
from data_pipeline.local.home import Home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.output import write_json
from data_pipeline.local.processes import wait_until
from data_pipeline.local.run import run
from data_pipeline.local.up import Running, start_everything
from data_pipeline.market.clock import market_now
from data_pipeline.market.origin import SANDBOX, origin_of
from data_pipeline.pages.place import morning_address
from data_pipeline.settings import text
from data_pipeline.settings.chosen import chosen_source
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres

OFFICIAL = ("daily_bars_official", "index_bars_official")
"""DAGs that ask KRX."""
ALWAYS = ("market_reference", "heal_gaps")
"""DAGs that any source of KIS can serve, the one because it asks for the present, the other for what is missing."""
FOLLOWING = ("proven_sessions",)
"""DAGs that run after others, whatever the source."""
NEVER = ("stream_day",)
"""DAGs that need another process beside Airflow."""
READ_WITHIN = 60.0
"""Seconds in which Airflow reads its DAG files."""
_UNPAUSE = "UPDATE dag SET is_paused = false WHERE dag_id = ANY (%s) RETURNING dag_id"


def show_start(
    options: argparse.Namespace, home: Home, environ: Mapping[str, str], console: Console, workers: Workers
) -> int:
    """Load the last session if nothing was ever loaded, start everything, say where it is, and return 0.

    The first time, the DAGs that the source can serve are unpaused; later it is the user's to pause them.

    Raises:
        DataPipelineError: As :func:`~data_pipeline.local.up.start_everything` and
            :func:`~data_pipeline.local.run.run`.
    """
    with EmbeddedPostgres(home.prepare().postgres):  # between these steps it would stop and start each time
        if not options.paused and not _loaded(home, environ):
            console.print("The warehouse is empty, so the last finished session is loaded first.")
            run(home, environ, market_now(), console, lively=True)
        for step in start_everything(home, environ, workers):
            if isinstance(step, Running):
                unpaused = [] if options.paused else _unpause(home, served(environ))
                for line in what_is_up(step, unpaused):
                    console.print(line, soft_wrap=True)
                if options.json:
                    write_json({**vars(step), "morning_page": morning_address(step.url), "unpaused": unpaused})
            else:
                console.print(f"  {step}")
    return 0


def what_is_up(step: Running, unpaused: Sequence[str]) -> Iterator[str]:
    """Yield what `up` says at its end: where to look, as whom, and what runs by itself from now on."""
    password = _password(step.password_file, step.user)
    said = f"password [bold]{escape(password)}[/bold]" if password else f"password in {step.password_file}"
    yield f"\nAirflow is at [bold]{step.url}[/bold], user [bold]{step.user}[/bold], {said}"
    yield f"The morning page: [bold]{morning_address(step.url)}[/bold]"
    if unpaused:
        yield f"These DAGs run by themselves from now on: {', '.join(unpaused)}"
    yield f"The logs are in {step.log_folder}; `data-pipeline status` says how the data stands."


def served(environ: Mapping[str, str]) -> list[str]:
    """Return the DAGs on a schedule that the configured source can serve, in order of name; without a key the emulator.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    chosen = chosen_source(environ)
    official = OFFICIAL if text(environ, "KRX_API_KEY") and chosen != "mock" else ()
    if chosen == "krx":
        return sorted({*official, *FOLLOWING})
    lacks = origin_of(KisSettings.from_env(environ).source_name if chosen == "kis" else SANDBOX).shape.lacks
    own = {
        dag for name, one in DATASETS.items() if name not in lacks for dag in one.loaded_by if dag not in OFFICIAL
    }  # fmt: skip
    return sorted({*own, *ALWAYS, *official, *FOLLOWING} - {*NEVER})


def unpause(metadata_url: str, dags: Iterable[str]) -> list[str]:
    """Let Airflow schedule these DAGs, and return the names of those that it knows, in order."""
    with closing(connect(metadata_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(_UNPAUSE, (list(dags),))
        return sorted(name for (name,) in cursor.fetchall())


def _loaded(home: Home, environ: Mapping[str, str]) -> bool:
    with (
        open_warehouse(home, environ) as warehouse,
        closing(connect(warehouse.reader_url)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT EXISTS (SELECT FROM market.ingest_run)")
        return bool((cursor.fetchone() or (False,))[0])


def _unpause(home: Home, dags: list[str]) -> list[str]:
    """Unpause the DAGs the first time that this installation is up; return those that were."""
    done = home.run / "unpaused"
    if done.exists():
        return []
    url = EmbeddedPostgres(home.postgres).url(METADATA_DATABASE, METADATA_ROLE)
    found: list[str] = []

    def all_read() -> bool:
        found[:] = unpause(url, dags)
        return len(found) == len(dags)

    wait_until(all_read, READ_WITHIN)
    done.touch()
    return found


def _password(file: Path, user: str) -> str:
    """Return what Airflow drew for a user of this machine; empty when it cannot be told."""
    try:
        return str(json.loads(file.read_text("utf-8"))[user])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
