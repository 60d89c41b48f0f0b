"""Text that is sent and never shown, and the environment that such text is read from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn, SupportsIndex

_SECRET = re.compile("KEY|SECRET|TOKEN|PASS|CREDENTIAL|AUTH|CONN|URL|URI|DSN|BACKEND|^(KIS|KRX)_")
"""What the name of a variable has that may hold a secret, be it ours, spelled wrongly too, or another
program's."""
_OPEN = re.compile("AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES|DATA_SOURCE_CONN_ID|.*_BASE_URL(_[A-Z]+)?")
"""Names that look like it, and hold what an error must be able to repeat, unless a login stands in it."""


class Hidden(str):
    """A secret: text in every way, but its ``repr``, which tracebacks with local variables print, does not show it.

    It cannot be pickled or copied either, so that no queue, XCom or cache keeps it by accident.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce_ex__(self, _: SupportsIndex) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied: read it anew where it is needed")


def hidden(environ: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of an environment in which no value that may be a secret is shown by ``repr``.

    Args:
        environ: Environment variables; further copies of the result hide the same values.
    """
    return {name: Hidden(value) if _is_secret(name, value) else value for name, value in environ.items()}


def hide_login(address: str) -> str:
    """Return an address, which ``repr`` does not show if a login stands in it; some write keys or passwords there."""
    return Hidden(address) if "@" in address else address


def hidden_within(value: Any) -> Any:
    """Return a value out of JSON in which ``repr`` shows no text, be it a key, an item or the value itself."""
    if isinstance(value, str):
        return Hidden(value)
    if isinstance(value, Mapping):
        return {hidden_within(name): hidden_within(held) for name, held in value.items()}
    return [hidden_within(held) for held in value] if isinstance(value, list) else value


def _is_secret(name: str, value: Any) -> bool:
    if not isinstance(value, str) or not _SECRET.search(name):
        return False
    return "@" in value or not _OPEN.fullmatch(name)
