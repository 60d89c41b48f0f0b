"""Addresses of a warehouse: checked, and shown without their password."""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as MalformedFile
from pathlib import Path

import psycopg2
from psycopg2.extensions import parse_dsn

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings.hidden import Hidden

SECRETS = ("password", "sslpassword")
"""libpq's names of parameters that nobody may see."""
SHAPE = "postgresql://user:password@host:5432/database"


def address(url: str) -> str:
    """Return where an address leads, without its password: ``user@host:port/database``.

    Raises:
        ConfigurationError: It is not a Postgres address.
    """
    url = Hidden(url)
    parts = require_address(url)
    if "service" in parts and "host" not in parts:
        return f"service {parts['service']}"
    host = parts.get("host", parts.get("hostaddr", "localhost"))
    host = f"[{host}]" if ":" in host and "/" not in host and "," not in host else host
    place = f"{host}:{parts.get('port', '5432')}/{parts.get('dbname', '')}"
    return f"{parts['user']}@{place}" if "user" in parts else place


def require_address(url: str) -> dict[str, str]:
    """Return the parameters of a Postgres address, by libpq's names and without its defaults.

    Raises:
        ConfigurationError: It is not one. The message does not repeat it, because it may hold a password.
    """
    url = Hidden(url)
    try:
        parts = parse_dsn(url) if url.startswith(("postgresql://", "postgres://")) else {}
    except psycopg2.ProgrammingError:
        parts = {}
    ports = str(parts.get("port", "")).split(",")  # one for each host; an empty one is the default
    parts = {name: Hidden(value) if name in SECRETS else str(value) for name, value in parts.items()}
    if not parts or not all(port == "" or port.isdigit() for port in ports):
        raise ConfigurationError(f"the warehouse's address (MARKET_DB_URL) is not of the form {SHAPE}") from None
    return parts


def service_parameters(parameters: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the service of an address says, where libpq looks for it; empty for none and for an unknown one.

    libpq reads the file itself. This tells what the user has decided there, so that no default goes over it.

    Args:
        parameters: The address's own, by libpq's names.
        environ: Where ``PGSERVICE``, ``PGSERVICEFILE``, ``PGSYSCONFDIR`` and ``HOME`` are.
    """
    service = parameters.get("service") or environ.get("PGSERVICE")
    if not service:
        return {}
    users = environ.get("PGSERVICEFILE") or Path(environ.get("HOME", "/"), ".pg_service.conf")
    for path in (Path(users), Path(environ.get("PGSYSCONFDIR", "/etc/postgresql-common"), "pg_service.conf")):
        file = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",), default_section="")
        try:
            file.read_string(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, MalformedFile):
            continue
        if file.has_section(service):
            return dict(file.items(service))
    return {}
