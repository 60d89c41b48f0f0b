"""App keys and secrets, read from the documented environment variables; no message repeats one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings import plain, require_key_characters
from data_pipeline.settings.hidden import Hidden

_LONGEST_KEY = 100
"""Between the two lengths, so that neither has to be exact."""
_NUMBERED = re.compile(r"KIS_APP_(?:KEY|SECRET)_([1-9][0-9]{0,2})")


def more_keys(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of ``KIS_APP_KEY_2`` and ``KIS_APP_SECRET_2``, ``_3`` and so on, in the order of their numbers.

    Raises:
        ConfigurationError: Half of a pair is missing; the message names it.
    """
    numbers = {int(found[1]) for name in environ if (found := _NUMBERED.fullmatch(name)) and plain(environ[name])}
    pairs = []
    for number in sorted(numbers):
        names = f"KIS_APP_KEY_{number}", f"KIS_APP_SECRET_{number}"
        key, secret = (Hidden(plain(environ.get(name, ""))) for name in names)
        if not key or not secret:
            raise ConfigurationError(f"{names[bool(key)]} is not set, although {names[not key]} is")
        pairs.append((key, secret))
    return tuple(pairs)


def check_more_keys(app_key: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Refuse further keys that cannot be used.

    Raises:
        ConfigurationError: A key or secret cannot be one, or a key stands there twice.
    """
    for number, (key, secret) in enumerate(pairs, 2):
        require_pair(f"_{number}", key, secret)
    keys = [app_key, *(key for key, _ in pairs)]
    if len(set(keys)) != len(keys):
        raise ConfigurationError("KIS_APP_KEY and KIS_APP_KEY_2, _3 ... hold one key twice; its budget does not double")


def require_pair(end: str, key: str, secret: str) -> None:
    """Refuse a key and its secret when one is missing, cannot be one, or stands in the other's place.

    Args:
        end: What follows ``KIS_APP_KEY`` and ``KIS_APP_SECRET`` in the names of their variables.
        key: The app key. Source: KIS Developers gives keys of 36 characters and secrets of 180.
        secret: Its secret.

    Raises:
        ConfigurationError: The message names the variable and repeats nothing of it.
    """
    for variable, value in ((f"KIS_APP_KEY{end}", key), (f"KIS_APP_SECRET{end}", secret)):
        if not value:
            raise ConfigurationError(
                f"{variable} is not set (No API key provided): put KIS_APP_KEY and KIS_APP_SECRET into the environment "
                "or .env, or choose DATA_SOURCE_TYPE=mock"
            )
        require_key_characters(variable, value)
    if len(key) > _LONGEST_KEY >= len(secret):
        raise ConfigurationError(
            f"KIS_APP_KEY{end} holds {len(key)} characters and KIS_APP_SECRET{end} {len(secret)}; a key has 36 and a "
            "secret 180, so they stand in each other's place: swap them"
        )
