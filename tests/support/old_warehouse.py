"""Databases as earlier versions left them, to be migrated by a test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2

from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import SQL, migrate

RELEASES = {"0.1": "0007", "in progress": max(path.stem[:4] for path in (SQL / "versions").glob("[0-9]*.py"))}
"""The first migration that a release did not have; a release adds its line, and `in progress` lacks only the newest."""


@contextmanager
def warehouse_before(server: EmbeddedPostgres, revision: str, folder: Path) -> Iterator[str]:
    """Yield the address of an empty database with every migration before ``revision``, and drop it afterwards."""
    scripts, name = folder / "sql", f"before_{revision}"
    shutil.copytree(
        SQL, scripts, ignore=lambda _, names: [one for one in names if one[:4].isdigit() and one >= revision]
    )
    with closing(psycopg2.connect(server.url("postgres", "admin"))) as admin:
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} OWNER market_owner")
            try:
                migrate(server.url(name), scripts=scripts)
                yield server.url(name)
            finally:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
