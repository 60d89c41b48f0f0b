"""Reads an Airflow connection, and says what is wrong with one before anything is sent."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings import nearest
from data_pipeline.settings.hidden import Hidden, hidden_within, hide_login

_LONGEST_NAME = 30
"""A field's name that is longer may be a key that somebody wrote in the wrong place."""


@dataclass(frozen=True)
class Fields:
    """What stands in an Airflow connection, whose own object shows its secrets to whoever prints a frame."""

    conn_type: str
    host: str
    port: int | None
    login: Hidden
    password: Hidden
    schema: str
    extra: dict[str, Any]
    """By name; every text in it is hidden but those that an error must be able to repeat."""


def read_connection(conn_id: str, *types: str, shown: Collection[str] = ()) -> Fields:
    """
    Return what stands in a connection; no message repeats anything of it.

    :param conn_id: Its name.
    :param types: The types that it may be of; none takes any.
    :param shown: Names of extra fields that hold no secret, so that an error may repeat their values.
    :raises ConfigurationError: There is none, Airflow cannot read it, it is of another type, or its extra is no JSON
        object, which Airflow would take for an empty one.
    """
    found = _found(conn_id)
    if found is None:
        raise ConfigurationError(f"connection {conn_id!r}: {_missing(conn_id)}")
    if types and found.conn_type not in types:
        raise ConfigurationError(f"connection {conn_id!r} must be of type {types[0]}, not {found.conn_type!r}")
    if not isinstance(found.extra, dict):
        raise ConfigurationError(f"connection {conn_id!r}: its extra must be a JSON object")
    for name in shown:
        if isinstance(said := found.extra.get(name), str):
            found.extra[name] = hide_login(str(said))
    return found


def _found(conn_id: str) -> Fields | None:
    """Return what Airflow finds; None for nothing, or for what it cannot read."""
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowException:  # whose frames may hold the connection's URI
        return None
    return Fields(
        str(connection.conn_type),
        hide_login(connection.host or ""),
        connection.port,
        Hidden(connection.login or ""),
        Hidden(connection.password or ""),
        connection.schema or "",
        _extra(connection),
    )


def _extra(connection: Any) -> Any:
    """Return the extra with its texts hidden, having told Airflow's log masker what is in it; None for no JSON."""
    try:
        read = json.loads(connection.extra or "{}")
    except json.JSONDecodeError:
        return None
    connection.extra_dejson  # noqa: B018 - reading it is what tells the masker
    if not isinstance(read, dict):
        return None
    return {Hidden(name) if len(name) > _LONGEST_NAME else name: hidden_within(held) for name, held in read.items()}


def _missing(conn_id: str) -> str:
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    if variable not in os.environ:
        return "there is none of that name in Airflow"
    return (
        f"Airflow cannot read what {variable} holds: write it as JSON, or percent-encode the login and the password "
        "in its URI"
    )


def require_fields(conn_id: str, extra: Collection[str], known: Collection[str]) -> None:
    """
    Refuse an extra field that nothing reads.

    :raises ConfigurationError: The message names it, and the known one that is most like it.
    """
    for field in extra:
        if field not in known:
            near = nearest(field, known)
            meant = f"did you mean {near!r}?" if near else f"there are {', '.join(sorted(known))}"
            named = f"with a name of {len(field)} characters" if isinstance(field, Hidden) else repr(field)
            raise ConfigurationError(f"connection {conn_id!r}: its extra has no field {named}; {meant}")
