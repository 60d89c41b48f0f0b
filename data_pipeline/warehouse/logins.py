"""The logins of the loader and the reader on a server of the user's own: made where nobody can load or read yet."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg2 import errors, sql
from psycopg2.extensions import encrypt_password

from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.fields import connection_fields, connection_url

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

ROLES = ("market_loader", "market_reader")

# Who migrates is a member of what it made, and a superuser of everything: neither is a login to load or read with.
_TAKEN = """
SELECT EXISTS (
    SELECT FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND rolname <> current_user
        AND pg_has_role(oid, %s::regrole, 'MEMBER')
)
"""


@dataclass(frozen=True)
class Logins:
    """What became of the two roles."""

    made: list[str] = field(default_factory=list)
    """With a password that was drawn, which ``keep`` got."""
    told: list[str] = field(default_factory=list)
    """With the password that the caller gave."""
    lacking: list[str] = field(default_factory=list)
    """Statements for an administrator: nobody can log in as these, and the connecting user may not change that."""


def make_logins(url: str, passwords: Mapping[str, str], keep: Callable[[Mapping[str, str]], None]) -> Logins:
    """Let loader and reader log in, in one transaction; a role in which somebody can log in stays as it is.

    Args:
        url: The migrated warehouse, as the user who migrates.
        passwords: By role, ``market_loader`` and ``market_reader``: set whatever was there. For the others one is
            drawn, unless some login that is no superuser is a member of the role already.
        keep: Gets the address of each drawn login, by role, before it counts; what it raises undoes everything.

    Raises:
        ConfigurationError, ConnectionFailedError: As :func:`data_pipeline.warehouse.connect.connect`.
        psycopg2.Error: The server went away; nothing was changed, and trying again helps.
    """
    done, drawn = Logins(), dict[str, str]()
    with closing(connect(url, application_name="data-pipeline migrate")) as connection, connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('market.migrate'))")
            for role in ROLES:
                given = passwords.get(role)
                if not given and _is_taken(cursor, role):
                    continue
                password = given or secrets.token_urlsafe(24)
                if not _allowed(cursor, role, password):
                    done.lacking.append(f"ALTER ROLE {role} LOGIN PASSWORD '...'")
                elif given:
                    done.told.append(role)
                else:
                    done.made.append(role)
                    drawn[role] = _address_of(url, role, password)
        if drawn:
            keep(drawn)
    return done


def set_password(cursor: Cursor, role: str, password: str) -> None:
    """Let a role log in with a password, which reaches the server, and so its log, only as what it stores of it."""
    stored = encrypt_password(password, role, scope=cursor.connection)
    statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
    cursor.execute(statement.format(sql.Identifier(role), sql.Literal(stored)))


def _is_taken(cursor: Cursor, role: str) -> bool:
    cursor.execute(_TAKEN, (role,))
    (taken,) = cursor.fetchone() or (False,)
    return bool(taken)


def _allowed(cursor: Cursor, role: str, password: str) -> bool:
    cursor.execute("SAVEPOINT login")
    try:
        set_password(cursor, role, password)
    except errors.InsufficientPrivilege:
        cursor.execute("ROLLBACK TO SAVEPOINT login")
        return False
    return True


def _address_of(url: str, role: str, password: str) -> str:
    fields: dict[str, Any] = connection_fields(url)
    extra = fields.pop("extra", {})
    return connection_url({**fields, "login": role, "password": password}, extra, "MARKET_DB_URL")
