"""Reads an Airflow connection, and says what is wrong with one before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings import nearest


def read_connection(conn_id: str, *types: str) -> Any:
    """
    Return the connection; no message repeats anything that stands in it.

    :param conn_id: Its name.
    :param types: The types that it may be of; none takes any.
    :raises ConfigurationError: There is none, Airflow cannot read it, or it is of another type.
    """
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowException:
        raise ConfigurationError(f"connection {conn_id!r}: {_missing(conn_id)}") from None
    if types and connection.conn_type not in types:
        raise ConfigurationError(f"connection {conn_id!r} must be of type {types[0]}, not {connection.conn_type!r}")
    return connection


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
            raise ConfigurationError(f"connection {conn_id!r}: its extra has no field {field!r}; {meant}")
