"""Migrations of the warehouse: Alembic running the .sql files of ``sql/`` in one transaction."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import errors

from data_pipeline.exceptions import ConfigurationError, LoadError, TransientError
from data_pipeline.shipped import shipped
from data_pipeline.warehouse.address import address
from data_pipeline.warehouse.calendar_table import keep_sessions
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.errors import plain_error
from data_pipeline.warehouse.logins import set_password
from data_pipeline.warehouse.rehearsal import Rehearsal, begin_report, end_report, read_rehearsal, version_of
from data_pipeline.warehouse.requirements import require_suitable

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

SQL = shipped("sql")

_ALEMBIC = threading.Lock()
"""Alembic keeps its context in module globals until after its commit, so threads of one process take turns."""


def migrate(url: str, passwords: Mapping[str, str] | None = None, *, scripts: Path = SQL) -> None:
    """Bring the schema ``market`` to its newest version; one that is up to date stays as it is.

    Everything happens in one transaction, so it is migrated whole or not at all. Concurrent callers take turns.

    Args:
        url: The warehouse's database, whose encoding is UTF8. The user is a superuser; or may create roles, and objects
            in the database; or the three roles are there and it is a member of ``market_owner``.
        passwords: ``market_owner``, ``market_loader``, ``market_reader``: passwords with which these roles may log in
            from now on. Roles that are not named stay as they are; if new, they cannot log in.
        scripts: The folder with the migrations.

    Raises:
        ConfigurationError: The folder is missing, the server is older than 15, its database is not UTF8, or the user
            may not do this; the message says what an administrator has to run.
        ConnectionFailedError, TransientError: The server is away or takes no writes now; trying again can help.
        LoadError: A migration failed; the message carries Postgres's own words.
    """
    _run(url, passwords or {}, scripts, keep=True)


def newest_version(scripts: Path = SQL) -> str:
    """Return the version to which :func:`migrate` brings a schema."""
    return max((path.stem for path in (scripts / "versions").glob("*.py")), default="none").partition("_")[0]


def rehearse(url: str, *, scripts: Path = SQL) -> Rehearsal:
    """Migrate in a transaction that is rolled back, and return what it did to stored rows; nothing is changed.

    It takes as long as the migration itself and holds the same locks, so loads wait for it. The user and the errors are
    those of :func:`migrate`.
    """
    return _run(url, {}, scripts, keep=False)


def _run(url: str, passwords: Mapping[str, str], scripts: Path, *, keep: bool) -> Rehearsal:
    if not (scripts / "env.py").exists():
        raise ConfigurationError(f"the migrations are missing: {scripts} is not there; install the package anew")
    with closing(connect(url, application_name="data-pipeline migrate", statement_timeout=None)) as connection:
        try:
            require_suitable(connection, address(url))
            return _migrate(connection, passwords, scripts, keep=keep)
        except errors.InsufficientPrivilege as error:
            raise ConfigurationError(f"{address(url)} may not migrate the warehouse: {_words(error)}") from None
        except psycopg2.Error as error:
            if isinstance(plain := plain_error("the migration was undone", error), TransientError):
                raise plain from None
            raise LoadError(f"the migration failed and nothing was changed: {_words(error)}") from None


def _migrate(connection: Connection, passwords: Mapping[str, str], scripts: Path, *, keep: bool) -> Rehearsal:
    """Bootstrap and run Alembic in one transaction; what psycopg2 raises passes through unchanged."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    config = Config()
    config.set_main_option("script_location", os.fspath(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine("postgresql+psycopg2://", creator=lambda: connection, poolclass=StaticPool)
    try:
        # Connecting rolls back, so the bootstrap comes after; begun here, so that Alembic does not commit.
        with engine.connect() as bound, bound.begin() as transaction:
            bootstrap(connection, passwords, scripts)
            before = version_of(connection)
            begin_report(connection)
            config.attributes["connection"] = bound
            with _ALEMBIC:
                command.upgrade(config, "head")
            if scripts == SQL:
                keep_sessions(connection)
            done = read_rehearsal(connection, before)
            end_report(connection)
            if not keep:
                transaction.rollback()
    except DBAPIError as error:
        if isinstance(error.orig, psycopg2.Error):
            raise error.orig from None
        raise
    return done


def bootstrap(connection: Connection, passwords: Mapping[str, str], scripts: Path) -> None:
    """Make roles and schema where they are lacking, one caller at a time, and go on as the schema's owner."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL client_min_messages = warning")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('market.migrate'))")
        cursor.execute((scripts / "bootstrap.sql").read_text("utf-8"))
        for role, password in passwords.items():
            set_password(cursor, role, password)
        cursor.execute("SET LOCAL ROLE market_owner")


def _words(error: psycopg2.Error) -> str:
    primary = error.diag.message_primary or str(error).strip()
    return f"{primary} ({error.diag.message_hint})" if error.diag.message_hint else primary
