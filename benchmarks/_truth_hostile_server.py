"""Hostile seeds' surroundings: a Postgres that is deleted afterwards, a fixed clock, and a screen that stays quiet."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

_CLOCK = "2026-12-01T21:00+09:00"


@contextmanager
def empty_warehouse() -> Iterator[tuple[Connection, Path]]:
    """Hand over a connection to a Postgres that is deleted afterwards, and a folder."""
    with tempfile.TemporaryDirectory(prefix="data-pipeline-hostile-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # Postgres runs under an account of its own
        server = EmbeddedPostgres(folder / "postgres", durable=False)
        server.start()
        try:
            migrate(server.url())
            with fixed_clock(), closing(connect(server.url(role="owner"))) as connection:
                yield connection, folder
        finally:
            server.destroy()


@contextmanager
def fixed_clock() -> Iterator[None]:
    """Fix the market's clock of this process after all of the work, and put it back."""
    before = os.environ.get("MARKET_CLOCK")
    os.environ["MARKET_CLOCK"] = _CLOCK
    try:
        yield
    finally:
        os.environ.pop("MARKET_CLOCK")
        os.environ.update({} if before is None else {"MARKET_CLOCK": before})


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what the loads say of every lie from the screen."""
    log = logging.getLogger("data_pipeline")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
