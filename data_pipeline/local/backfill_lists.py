"""`data-pipeline backfill --dataset instrument`: the lists of instruments of past sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from data_pipeline.backfill.lists import plan_lists
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.warehouse.calendar_table import keep_sessions

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

    from data_pipeline.sources.base import AbstractDataSource


def backfill_lists(
    connection: Connection,
    source: AbstractDataSource,
    stock_codes: Sequence[str],
    first: date,
    last: date | None,
    now: datetime,
    console: Console,
    *,
    dry_run: bool,
    refetch: bool,
) -> int:
    """Fill the range and return the exit code: 0 when every list is there, 1 when some are still missing.

    Raises:
        DataPipelineError: It could not be done; each says what to do.
    """
    if stock_codes:
        raise InvalidRequestError("a list holds every issue: leave --codes out")
    keep_sessions(connection)
    connection.commit()
    plan = plan_lists(connection, source.name, first, last, now, refetch=refetch)
    connection.rollback()
    console.print(f"lists of issues from {plan.first} to {plan.last} out of {source.name}: {plan}")
    if dry_run:
        return 0
    failed = _load(connection, source, plan.sessions, now, console)
    if failed:
        console.print(f"[red]{failed:,} lists are still missing.[/red] Run it again to go on.")
        return 1
    console.print("Every list of the range is there.")
    return 0


def _load(
    connection: Connection, source: AbstractDataSource, sessions: Sequence[date], now: datetime, console: Console
) -> int:
    from data_pipeline.engine.lists import load_lists
    from data_pipeline.engine.one_window import Run

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    failed = 0
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("lists", total=len(sessions))
        for step in load_lists(connection, source, sessions, Run(run_key="data-pipeline backfill", moment=now)):
            progress.update(bar, completed=step.done)
            if step.error:
                failed += 1
                console.print(f"[red]{step.window.last}[/red]: {escape(str(step.error))}", soft_wrap=True)
    return failed
