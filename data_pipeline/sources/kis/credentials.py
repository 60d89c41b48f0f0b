"""App keys and secrets, read from the documented environment variables; no message repeats one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.sources.variables import setting

_NUMBERED = re.compile(r"KIS_APP_(?:KEY|SECRET)_([1-9][0-9]{0,2})")


def more_keys(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of ``KIS_APP_KEY_2`` and ``KIS_APP_SECRET_2``, ``_3`` and so on, in the order of their numbers.

    Raises:
        ConfigurationError: Half of a pair is missing; the message names it.
    """
    numbers = {int(found[1]) for name in environ if (found := _NUMBERED.fullmatch(name)) and setting(environ, name)}
    pairs = []
    for number in sorted(numbers):
        names = f"KIS_APP_KEY_{number}", f"KIS_APP_SECRET_{number}"
        key, secret = (setting(environ, name) for name in names)
        if not key or not secret:
            raise ConfigurationError(f"{names[bool(key)]} is not set, although {names[not key]} is")
        pairs.append((key, secret))
    return tuple(pairs)


def check_more_keys(app_key: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Refuse further keys that cannot be used.

    Raises:
        ConfigurationError: A key or secret holds a character that it cannot have, or a key stands there twice.
    """
    for number, (key, secret) in enumerate(pairs, 2):
        require_credential(f"KIS_APP_KEY_{number}", key)
        require_credential(f"KIS_APP_SECRET_{number}", secret)
    keys = [app_key, *(key for key, _ in pairs)]
    if len(set(keys)) != len(keys):
        raise ConfigurationError("KIS_APP_KEY and KIS_APP_KEY_2, _3 ... hold one key twice; its budget does not double")


def require_credential(variable: str, value: str) -> None:
    """Refuse a key or secret that is missing or holds a character that it cannot have.

    Raises:
        ConfigurationError: The message names the variable.
    """
    if not value:
        raise ConfigurationError(
            f"{variable} is not set (No API key provided): put KIS_APP_KEY and KIS_APP_SECRET into the environment or "
            ".env, or choose DATA_SOURCE_TYPE=mock"
        )
    if not re.fullmatch(r"[!-~]+", value):
        raise ConfigurationError(f"{variable} holds a character that a key cannot have (a blank or a non-ASCII one)")
