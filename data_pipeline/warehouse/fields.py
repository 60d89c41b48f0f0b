"""A Postgres address as the fields of an Airflow connection, and back, without losing a parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings.hidden import Hidden, hidden_within
from data_pipeline.warehouse.address import require_address

FIELDS = {"host": "host", "port": "port", "user": "login", "password": "password", "dbname": "schema"}
"""libpq's names, and what Airflow calls them; everything else goes into the extra under libpq's name."""

OF_AIRFLOW = frozenset({"cursor", "sqlalchemy_scheme", "sqlalchemy_query"})
"""What Airflow's own Postgres hook reads from the extra and never hands to libpq; it does not concern where a
connection leads or who logs in."""

_IN_BRACKETS = re.compile(r"\[([0-9A-Fa-f:.%]+)\]")
"""IPv6 as addresses write it; the parameter of libpq wants it without."""


def connection_fields(url: str) -> dict[str, object]:
    """Return the fields of an Airflow connection of type ``postgres`` that leads where the address leads.

    Several ports do not fit into Airflow's field, so they go into the extra, which takes precedence in Airflow's own
    hook too. An empty host or database in the extra stands for libpq's default.

    Raises:
        ConfigurationError: It is not a Postgres address. The message does not repeat it.
    """
    parameters = require_address(url)
    fields: dict[str, object] = {"conn_type": "postgres"}
    extra = {name: "" for name in ("host", "dbname") if name not in parameters}
    for name, value in parameters.items():
        if name == "port" and value.isdecimal():
            fields["port"] = int(value)
        elif name in FIELDS and name != "port":
            fields[FIELDS[name]] = value
        else:
            extra[name] = value
    return {**fields, "extra": extra} if extra else fields


def connection_url(fields: Mapping[str, object], extra: Mapping[str, object], name: str) -> str:
    """Return the address that an Airflow connection describes. It holds the password.

    Args:
        fields: host, port, login, password and schema; None and empty ones count as not given.
        extra: Any parameter that libpq knows, which takes precedence over a field; None adds nothing.
        name: What the connection is called, for errors.

    Raises:
        ConfigurationError: Host or database are missing, or the extra names what libpq does not know.
    """
    fields, extra = ({key: hidden_within(held) for key, held in one.items()} for one in (fields, extra))
    parameters: dict[str, str] = {}
    for ours, theirs in FIELDS.items():
        if fields.get(theirs):
            parameters[ours] = Hidden(str(fields[theirs]))
    wanted = {key: value for key, value in extra.items() if value is not None and key not in OF_AIRFLOW}
    parameters.update({key: Hidden(_text(key, value, name)) for key, value in wanted.items()})
    placed = "host" in parameters or parameters.get("hostaddr")
    if not parameters.get("service") and not (placed and "dbname" in parameters):
        raise ConfigurationError(
            f"connection {name!r}: the fields host and schema (the database) must be filled in, or service in its extra"
        )
    parameters = {key: value for key, value in parameters.items() if value}
    if "host" in parameters:
        parameters["host"] = Hidden(_IN_BRACKETS.sub(r"\1", parameters["host"]))
    for key, value in parameters.items():
        _require_known(key, value, name)
    return Hidden("postgresql://?" + urlencode(parameters, quote_via=quote))


def _text(key: str, value: object, name: str) -> str:
    if isinstance(value, bool):
        return str(int(value))  # libpq's switches are 1 and 0
    if isinstance(value, str | int | float):
        return str(value)
    raise ConfigurationError(f"connection {name!r}: {key!r} in its extra must be text or a number")


def _require_known(key: str, value: str, name: str) -> None:
    try:
        known = parse_dsn(make_dsn(**{key: value})) == {key: value}
    except psycopg2.ProgrammingError:
        known = False
    if not known:
        raise ConfigurationError(
            f"connection {name!r}: {key!r} in its extra is no connection parameter of this libpq; "
            "mend its name or take it out"
        )
