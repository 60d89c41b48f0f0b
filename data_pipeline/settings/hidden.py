"""Text that is sent and never shown, and the environment that such text is read from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn, SupportsIndex

_SECRET = re.compile("KEY|SECRET|TOKEN|PASS|CREDENTIAL|AUTH|CONN|URL|URI|DSN|BACKEND|^(KIS|KRX)_APP")
"""What the name of a variable has that may hold a secret, be it ours, Airflow's or another program's."""
_OPEN = re.compile("AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES|DATA_SOURCE_CONN_ID|.*_BASE_URL(_[A-Z]+)?")
"""Names that look like it, and hold what an error must be able to repeat."""


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


def _is_secret(name: str, value: Any) -> bool:
    return isinstance(value, str) and bool(_SECRET.search(name)) and not _OPEN.fullmatch(name)
