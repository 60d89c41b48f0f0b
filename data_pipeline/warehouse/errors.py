"""What psycopg2 raises during a load, said in one sentence and sorted into transient and permanent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from data_pipeline.exceptions import (
    ConfigurationError,
    ConnectionFailedError,
    DataPipelineError,
    LoadError,
    SyntheticDataRefusedError,
    TransientError,
)

OTHER_KIND = "DP001"
"""SQLSTATE of ``market.admit_source``: the warehouse holds rows of the other kind."""
KIND_CONSTRAINT = "real_or_made_up"
NOT_MIGRATED = {"3F000", "42P01", "42704", "42883", "42703"}
PASSING = ("40", "53", "55P03", "57014")
"""Serialization and deadlock, lack of resources, lock timeout, statement timeout."""
LOST = ("08", "57P")


@contextmanager
def said_plainly(what: str) -> Iterator[None]:
    """Turn a psycopg2 error of the block into one of this package.

    Raises:
        SyntheticDataRefusedError: Synthetic rows met real ones.
        ConfigurationError: The warehouse is not migrated, or the role may not do this.
        ConnectionFailedError: The connection broke; a new connection and another try can help.
        TransientError: A deadlock, a timeout or a full server; trying again can help.
        LoadError: Postgres refused the rows.
    """
    try:
        yield
    except psycopg2.Error as error:
        raise plain_error(what, error) from None


def plain_error(what: str, error: psycopg2.Error) -> DataPipelineError:
    """Return the error of this package that a psycopg2 error means; its text names table, cause and offending row."""
    code, words = error.pgcode or "", _words(error)
    if code == OTHER_KIND or error.diag.constraint_name == KIND_CONSTRAINT:
        return SyntheticDataRefusedError(f"{what}: real and made-up rows do not share a warehouse: {words}")
    if code in NOT_MIGRATED:
        return ConfigurationError(f"{what}: this database is not migrated to the newest schema: {words}")
    if code == "42501":
        return ConfigurationError(f"{what}: this role may not load: {words}")
    if code.startswith(LOST) or (not code and isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))):
        return ConnectionFailedError(f"{what}: the connection to the warehouse broke off: {words}")
    if code.startswith(PASSING):
        return TransientError(f"{what}: Postgres could not load now: {words}")
    return LoadError(f"{what}: Postgres refused the rows: {words}")


def _words(error: psycopg2.Error) -> str:
    diag = error.diag
    parts = [diag.message_primary or " ".join(str(error).split()) or type(error).__name__]
    where = diag.context if (diag.context or "").startswith("COPY") else None
    parts += [part for part in (diag.message_detail, where, diag.message_hint) if part]
    return "; ".join(" ".join(part.split())[:300] for part in parts)
