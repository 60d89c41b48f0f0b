"""What a server says to a client that it does not let in, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import psycopg2

from data_pipeline.exceptions import ConfigurationError, ConnectionFailedError

REFUSALS = {
    "password authentication failed": "the user or the password is wrong",
    "SASL authentication failed": "the user or the password is wrong",
    "no password supplied": "the server wants a password and the address has none",
    "no pg_hba.conf entry": "the server lets this user in from nowhere near here (pg_hba.conf)",
    "is not permitted to log in": "this role may not log in",
    "permission denied for database": "this user may not connect to this database",
    "no such database": "the pooler knows no such database; name it in PgBouncer's [databases]",
    "no such user": "the pooler knows no such user; name it in PgBouncer's auth_file or auth_query",
    "server does not support SSL": "the address demands TLS (sslmode), and this server offers none",
    "root certificate file": "the file of root certificates (sslrootcert) is not there",
    "certificate verify failed": "the server's certificate is not signed by one of sslrootcert",
    "does not match host name": "the server's certificate is for another host name (sslmode=verify-full)",
    "requires a valid client certificate": "the server wants a client certificate; name it with sslcert and sslkey",
    "certificate required": "the server wants a client certificate; name it with sslcert and sslkey",
    "certificate authentication failed": "the client certificate (sslcert) is for another user",
    "unknown ca": "the client certificate (sslcert) is not signed by an authority that the server trusts",
    "could not read certificate file": "the client certificate (sslcert) cannot be read",
    "but not private key file": "the key of the client certificate (sslkey) is not there",
    "could not load private key file": "the key of the client certificate (sslkey) does not fit it or its password",
    "private key file": "only its owner may read the key of the client certificate (sslkey): chmod 600",
    "definition of service": "the service file (~/.pg_service.conf, or PGSERVICEFILE) has no such service",
    "service file": "the service file (PGSERVICEFILE) is not there or not readable as one",
    "unsupported startup parameter: options": "PgBouncer takes no `options` in the address; set them for the role "
    "instead (ALTER ROLE ... SET), or have PgBouncer drop them (ignore_startup_parameters = options)",
    "unsupported startup parameter": "PgBouncer does not take a parameter of the address; take it out, or have "
    "PgBouncer drop it (ignore_startup_parameters)",
}
"""Words of libpq, Postgres or PgBouncer, and what somebody has to change; the first that fits."""

WAITS = {
    "the database system is": "the server is starting, stopping or recovering",
    "session is read-only": "no host of the address takes writes now, as during a failover",
    "server is in hot standby mode": "no host of the address takes writes now, as during a failover",
    "too many clients": "every connection of the server is taken; run fewer tasks at once, or put a pooler before it",
    "connection slots": "every connection of the server is taken; run fewer tasks at once, or put a pooler before it",
    "too many connections": "this user or database has all its connections (CONNECTION LIMIT); run fewer tasks at once",
    "no more connections allowed": "PgBouncer has all its clients (max_client_conn); run fewer tasks at once",
    "server_login_retry": "PgBouncer does not reach its server",
    "server login": "PgBouncer does not reach its server",
    "pgbouncer cannot connect": "PgBouncer does not reach its server",
}
"""Likewise, where trying again can help."""


def raise_connect_error(where: str, parameters: Mapping[str, str], error: psycopg2.OperationalError) -> NoReturn:
    """Raise what it means that no connection could be opened.

    Args:
        where: The address without its password.
        parameters: Those of the address; its secrets are left out of the message.
        error: What psycopg2 said.

    Raises:
        ConfigurationError: Somebody has to change the address or the server.
        ConnectionFailedError: Trying again can help.
    """
    text = " ".join(str(error).split())
    for phrase, meaning in REFUSALS.items():
        if phrase in text:
            raise ConfigurationError(f"Postgres at {where}: {meaning}") from None
    if "FATAL: database" in text and "does not exist" in text:
        raise ConfigurationError(f"Postgres at {where}: there is no such database; create it first") from None
    if "FATAL: role" in text and "does not exist" in text:
        raise ConfigurationError(f"Postgres at {where}: there is no such user") from None
    reason = next((f"{meaning} ({text})" for phrase, meaning in WAITS.items() if phrase in text), text)
    for secret in filter(None, (parameters.get("password"), parameters.get("sslpassword"))):
        reason = reason.replace(secret, "***")
    raise ConnectionFailedError(f"Postgres at {where} cannot be reached: {reason}") from None
