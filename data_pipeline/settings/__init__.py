"""Every setting, in one table, and the one place where they are read."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings.hidden import Hidden, hide_login
from data_pipeline.settings.own import (
    AIRFLOW_SETTINGS,
    CHECK_SETTINGS,
    CONTAINER_SETTINGS,
    SHARED_SETTINGS,
    SOURCE_SETTINGS,
)
from data_pipeline.settings.setting import EVERYWHERE, Kind, Setting, Way, plain
from data_pipeline.settings.values import value_of
from data_pipeline.settings.vendors import KIS_SETTINGS, KRX_SETTINGS

__all__ = [
    "EVERYWHERE", "SETTINGS", "Kind", "Setting", "Way", "fields_of", "filled_fields", "given", "nearest", "plain",
    "require_key_characters", "require_known", "text", "value",
]  # fmt: skip

logger = logging.getLogger(__name__)

SETTINGS = {
    one.name: one
    for one in (
        *SOURCE_SETTINGS, *KIS_SETTINGS, *KRX_SETTINGS, *SHARED_SETTINGS, *AIRFLOW_SETTINGS, *CHECK_SETTINGS,
        *CONTAINER_SETTINGS,
    )
}  # fmt: skip
"""By name, in the order in which they are explained."""

_OURS = ("KIS_", "KRX_")
_APART = ("login", "password", "base_url")
"""How the fields begin that a connection holds outside its extra."""
_NUMBERED = re.compile(r"(KIS_APP_(?:KEY|SECRET)_)[1-9][0-9]{0,2}")
_QUOTES = tuple("\"'`“”‘’")


def given(environ: Mapping[str, str], name: str) -> str:
    """Return a setting's text, without blanks around it and a comment behind it; empty when it is not set.

    ``repr`` does not show that of a secret one, nor an address with a login in it.

    Raises:
        KeyError: There is no such setting.
    """
    one, said = SETTINGS[name], plain(environ.get(name, ""))
    if one.secret:
        return Hidden(said)
    return hide_login(said) if one.kind is Kind.ADDRESS else said


def text(environ: Mapping[str, str], name: str) -> str:
    """Return a setting's text, without blanks around it and a comment behind it, or its default; empty if it has none.

    Raises:
        KeyError: There is no such setting.
    """
    return given(environ, name) or SETTINGS[name].default


def value(environ: Mapping[str, str], name: str) -> Any:
    """Return a setting's value (int, float, bool or text), or its default's; None if it has none.

    Raises:
        ConfigurationError: The variable holds something else; the message names it.
        KeyError: There is no such setting.
    """
    return value_of(SETTINGS[name], text(environ, name))


def require_known(environ: Iterable[str]) -> None:
    """Refuse a variable that begins with ``KIS_`` or ``KRX_`` and nearly is a setting; warn of any other.

    Raises:
        ConfigurationError: The message names it and the setting that may be meant.
    """
    for name in environ:
        if not name.startswith(_OURS) or name in SETTINGS or _NUMBERED.fullmatch(name):
            continue
        if near := nearest(name, [one for one in SETTINGS if one.startswith(name[:4])]):
            raise ConfigurationError(f"there is no setting {name}: did you mean {near}? Rename it, or take it away")
        logger.warning("%s is no setting of the data pipeline, and nothing reads it", name)


def nearest(name: str, known: Collection[str]) -> str:
    """Return the known name that is most like a wrong one; empty when none is like it."""
    folded = {one.casefold(): one for one in known}
    found = get_close_matches(name.casefold(), folded, 1, 0.75)
    return folded[found[0]] if found else ""


def require_key_characters(name: str, key: str) -> None:
    """Refuse a key or a secret with what none can have: quotes around it, a blank, or a non-ASCII character.

    Raises:
        ConfigurationError: The message names the setting, and repeats nothing of the key.
    """
    if key[:1] in _QUOTES or key[-1:] in _QUOTES:
        raise ConfigurationError(f"{name} begins or ends with a quote, which is no part of a key: take the quotes away")
    if not re.fullmatch(r"[!-~]+", key):
        raise ConfigurationError(f"{name} holds a character that a key cannot have (a blank or a non-ASCII one)")


def fields_of(connection: str) -> dict[str, str]:
    """Return the settings that a connection of this type has fields for, and the field of each."""
    return {one.name: one.field for one in SETTINGS.values() if one.connection == connection}


def filled_fields(connection: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the extra of a connection of this type that says what the environment says, as texts.

    What is not set stays out, and so do login, password, further keys, and the server's address, which the field host
    holds.
    """
    ours = [one for one in SETTINGS.values() if one.connection == connection and not one.numbered]
    said = {one.field: given(environ, one.name) for one in ours if not one.field.startswith(_APART)}
    return {field: text for field, text in said.items() if text}
