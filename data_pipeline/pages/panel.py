"""A part of a page, which says in its place why it could not be read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.exceptions import DataPipelineError


@dataclass(frozen=True)
class Panel:
    """What was read for a part of a page, or why it was not."""

    value: Any = None
    error: str = ""


def panel(connection: Connection | None, read: Callable[[], Any]) -> Panel:
    """Return what was read, or the sentence that says why not.

    Raises:
        DataPipelineError: The connection itself broke, so that no other part can be read either.
    """
    try:
        return Panel(read())
    except DataPipelineError as error:
        if connection is not None:
            if connection.closed:
                raise
            with suppress(psycopg2.Error):
                connection.rollback()
        return Panel(error=str(error))
