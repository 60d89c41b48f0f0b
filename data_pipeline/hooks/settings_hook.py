"""What the hooks of vendors have in common: a connection's fields stand for the documented variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from airflow.sdk import BaseHook

from data_pipeline.exceptions import ConfigurationError, DataPipelineError
from data_pipeline.hooks.connection import read_connection, require_fields
from data_pipeline.settings import SETTINGS, fields_of

SettingsT = TypeVar("SettingsT")


class SettingsHook(BaseHook):
    """
    Reads a vendor's settings out of an Airflow connection, and speaks of its fields where the settings name variables.

    The environment is never read for credentials; only ``COORDINATION_URL`` is that of the process.
    """

    conn_type: ClassVar[str] = ""

    @property
    def fields(self) -> Mapping[str, str]:
        """The documented variables, and the fields of the connection that share their meaning and their defaults."""
        return fields_of(self.conn_type)

    def _connection(self) -> Any:
        """
        Return the connection, of this hook's type and with known fields only.

        :raises ConfigurationError: There is none, or it is another one.
        """
        conn_id = getattr(self, self.conn_name_attr)
        connection = read_connection(conn_id, self.conn_type)
        known = {*self.fields.values(), "environment", "base_url"} - {"login", "password"}
        require_fields(conn_id, connection.extra_dejson, known)
        return connection

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the vendor accepts the credentials, and a sentence; see :meth:`probe` for what it costs."""
        try:
            return True, self.probe()
        except (DataPipelineError, ValueError) as error:
            return False, str(error)

    def probe(self) -> str:
        """Ask the vendor for something small and return what it said, in one sentence."""
        raise ConfigurationError(f"{type(self).__name__} has nothing to test")

    def _read(
        self, read: Callable[[Mapping[str, str]], SettingsT], extra: Mapping[str, Any], own: Mapping[str, Any]
    ) -> SettingsT:
        """
        Return the settings that the fields describe; ``own`` holds the variables that are not plain extra fields.

        :raises ConfigurationError: A field is missing or wrong; the message names it and never its secret.
        """
        plain = {name: field for name, field in self.fields.items() if not SETTINGS[name].numbered}
        given = {variable: extra.get(field) for variable, field in plain.items()} | {**own}
        given |= {"COORDINATION_URL": os.environ.get("COORDINATION_URL")}
        try:
            return read({name: str(value) for name, value in given.items() if value not in (None, "")})
        except ConfigurationError as error:
            message = self._in_fields(str(error))
        raise self._wrong(message)

    def _in_fields(self, message: str) -> str:
        """Return a message about variables as a message about fields."""
        for variable, field in sorted(self.fields.items(), reverse=True):  # so that no name hides a longer one
            message = message.replace(variable, f"field {field!r}")
        return message

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"connection {getattr(self, self.conn_name_attr)!r}: {what}")
