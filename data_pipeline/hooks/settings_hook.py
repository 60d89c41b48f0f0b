"""What the hooks of vendors have in common: a connection's fields stand for the documented variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from airflow.sdk import BaseHook

from data_pipeline.client.address import ALLOWED_HOSTS, allowed_hosts, require_address
from data_pipeline.exceptions import ConfigurationError, DataPipelineError
from data_pipeline.hooks.connection import Fields, read_connection, require_fields
from data_pipeline.settings import SETTINGS, fields_of
from data_pipeline.settings.hidden import hidden

SettingsT = TypeVar("SettingsT")
_ADDRESSES = ("base_url", "base_url_real", "base_url_virtual")
"""Extra fields that say where keys go."""


class SettingsHook(BaseHook):
    """
    Reads a vendor's settings out of an Airflow connection, and speaks of its fields where the settings name variables.

    The environment is never read for credentials; only ``COORDINATION_URL`` and ``KIS_ALLOWED_HOSTS`` are those of the
    process, so that whoever may change a connection cannot choose where its secret goes.
    """

    own_hosts: ClassVar[tuple[str, ...]] = ()
    """The vendor's own hosts."""
    conn_type: ClassVar[str] = ""
    more_fields: ClassVar[tuple[str, ...]] = ()
    """Extra fields that stand for no variable."""

    @property
    def fields(self) -> Mapping[str, str]:
        """The documented variables, and the fields of the connection that share their meaning and their defaults."""
        return fields_of(self.conn_type)

    def _connection(self) -> Fields:
        """
        Return what stands in the connection, of this hook's type and with known fields only.

        :raises ConfigurationError: There is none, or it is another one.
        """
        conn_id = getattr(self, self.conn_name_attr)
        shown = {field for name, field in self.fields.items() if not SETTINGS[name].secret}
        connection = read_connection(conn_id, self.conn_type, shown={*shown, "environment", "base_url"})
        known = {*self.fields.values(), "environment", "base_url", *self.more_fields} - {"login", "password"}
        require_fields(conn_id, connection.extra, known)
        return connection

    def test_connection(self) -> tuple[bool, str]:
        """
        Return whether the vendor accepts the credentials, and a sentence; see :meth:`probe` for what it costs.

        Airflow fills the stored secret in for whoever tests a connection, if host and port are the stored ones. An
        address anywhere else than in the field host would get past that, so it is not tested.
        """
        try:
            self._require_guarded_address()
            return True, self.probe()
        except (DataPipelineError, ValueError) as error:
            return False, str(error)

    def probe(self) -> str:
        """Ask the vendor for something small and return what it said, in one sentence."""
        raise ConfigurationError(f"{type(self).__name__} has nothing to test")

    def _require_guarded_address(self) -> None:
        connection = read_connection(getattr(self, self.conn_name_attr), shown=_ADDRESSES)
        for field in _ADDRESSES:
            address = connection.extra.get(field)
            if address in (None, "", connection.host):
                continue
            named = require_address(f"field {field!r}", str(address), allowed=self._allowed())
            if not named.belongs_to(*self.own_hosts):
                raise self._wrong(
                    "a test sends the stored secret only to an address in the field host, which Airflow guards; move "
                    f"the field {field!r} there"
                )

    @staticmethod
    def _allowed() -> tuple[str, ...]:
        return allowed_hosts(os.environ.get(ALLOWED_HOSTS, ""))

    def _read(
        self, read: Callable[[Mapping[str, str]], SettingsT], extra: Mapping[str, Any], own: Mapping[str, Any]
    ) -> SettingsT:
        """
        Return the settings that the fields describe; ``own`` holds the variables that are not plain extra fields.

        :raises ConfigurationError: A field is missing or wrong; the message names it and never its secret.
        """
        plain = {name: field for name, field in self.fields.items() if not SETTINGS[name].numbered}
        given = {variable: extra.get(field) for variable, field in plain.items()} | {**own}
        given |= {name: os.environ.get(name) for name in ("COORDINATION_URL", ALLOWED_HOSTS)}
        said = hidden({name: _as_text(value) for name, value in given.items() if value not in (None, "")})
        try:
            return read(said)
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


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)  # str() of a hidden text would show it
