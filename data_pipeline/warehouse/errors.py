"""What psycopg2 raises during a load, said in one sentence and sorted into transient and permanent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
_UNMIGRATED = (ConfigurationError, "this database is not migrated to the newest schema; run `data-pipeline migrate`")
_READ_ONLY = (
    "this server takes no writes now, as after a failover; where that stays so, name the primary in the address "
    "(several hosts with target_session_attrs=read-write find it)"
)
_BROKE_OFF = "the connection to the warehouse broke off"
PLAIN: Mapping[str, tuple[type[DataPipelineError], str]] = {
    "3F000": _UNMIGRATED,
    "42P01": _UNMIGRATED,
    "42703": _UNMIGRATED,
    "42704": _UNMIGRATED,
    "42883": _UNMIGRATED,
    "42501": (ConfigurationError, "this role may not load; it has to be a member of market_loader"),
    "22P05": (ConfigurationError, "this database cannot store a character, because its encoding is not UTF8"),
    "57P04": (ConfigurationError, "somebody dropped this database"),
    "DP002": (LoadError, "the month is not as it was sealed, and stays"),
    "DP003": (LoadError, "that month is archived; `data-pipeline unarchive` brings it back"),
    "25006": (
        TransientError,
        _READ_ONLY,
    ),
    "25P03": (TransientError, "the server ended a transaction that had been idle for too long"),
    "25P04": (TransientError, "the server ended a transaction that had taken too long (transaction_timeout)"),
    "57P01": (TransientError, f"{_BROKE_OFF}: the server is stopping, or an administrator ended it"),
    "57P02": (TransientError, f"{_BROKE_OFF}: a process of the server crashed and it starts again"),
    "57P03": (TransientError, "the server is starting, stopping or recovering"),
    "57P": (TransientError, _BROKE_OFF),
    "08": (TransientError, _BROKE_OFF),
    "40001": (TransientError, "Postgres could not load now, because another load wrote the same rows"),
    "40P01": (TransientError, "Postgres could not load now, because two loads waited for each other"),
    "40": (TransientError, "Postgres could not load now"),
    "53100": (TransientError, "Postgres could not load now, because a disk of the server is full; make room there"),
    "53200": (TransientError, "Postgres could not load now, because the server is out of memory"),
    "53300": (TransientError, "every connection of the server is taken; run fewer tasks at once or add a pooler"),
    "53": (TransientError, "Postgres could not load now, because the server lacks something"),
    "55P03": (
        TransientError,
        "Postgres could not load now, because somebody else held a lock for longer than lock_timeout",
    ),
    "57014": (
        TransientError,
        "Postgres stopped it: the statement took longer than statement_timeout allows, or somebody cancelled it",
    ),
    "58": (LoadError, "the server cannot read or write one of its files; look into its log"),
    "XX001": (LoadError, "the server found a damaged page; look into its log and restore a backup"),
    "XX002": (LoadError, "the server found a damaged index; REINDEX it"),
}
"""What a SQLSTATE means, by the code or by how it begins; the longest that fits. All others mean refused rows.

Source: PostgreSQL documentation, "PostgreSQL Error Codes".
"""
LOST = ("08", "57P", "25P03", "25P04")
"""After these the connection is gone."""


@contextmanager
def said_plainly(what: str) -> Iterator[None]:
    """Turn a psycopg2 error of the block into one of this package.

    Raises:
        SyntheticDataRefusedError: Synthetic rows met real ones.
        ConfigurationError: The warehouse is not migrated, or the role may not do this.
        ConnectionFailedError: The connection broke; a new connection and another try can help.
        TransientError: A failover, a deadlock, a timeout or a full server; trying again can help.
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
    if code.startswith(LOST) or (not code and isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))):
        kind, meaning = PLAIN.get(code, PLAIN["08"])
        return (ConnectionFailedError if kind is TransientError else kind)(f"{what}: {meaning}: {words}")
    found = max((key for key in PLAIN if code.startswith(key)), key=len, default=None)
    kind, meaning = (LoadError, "Postgres refused the rows") if found is None else PLAIN[found]
    return kind(f"{what}: {meaning}: {words}")


def _words(error: psycopg2.Error) -> str:
    diag = error.diag
    parts = [diag.message_primary or " ".join(str(error).split()) or type(error).__name__]
    where = diag.context if (diag.context or "").startswith("COPY") else None
    parts += [part for part in (diag.message_detail, where, diag.message_hint) if part]
    return "; ".join(" ".join(part.split())[:300] for part in parts)
