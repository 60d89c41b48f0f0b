"""Says that work is under way once it takes longer than a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from data_pipeline.local import output

SILENT_S = 2.0
"""Seconds after which the progress is shown."""


@contextmanager
def shown_late(progress: Progress) -> Iterator[Progress]:
    """Show a progress once the block takes longer than a moment, and take it away at its end."""
    timer = Timer(SILENT_S, progress.start)
    if progress.console.is_interactive:  # elsewhere nobody watches a bar grow
        timer.start()
    try:
        yield progress
    finally:
        timer.cancel()
        if timer.ident:
            timer.join()
        if progress.live.is_started:
            progress.stop()


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on standard error what is waited for and for how long, once the block takes longer than a moment."""
    progress = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=output.console(stderr=True),
        transient=True,
    )  # fmt: skip
    progress.add_task(what, total=None)
    with shown_late(progress):
        yield


def counted() -> Progress:
    """Return a bar with share, time taken and time left, on standard error, for :func:`shown_late`."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), console=output.console(stderr=True), transient=True,
    )  # fmt: skip
