"""How a shared state is written: marked JSON, sealed with a Fernet key when it is secret and there is one."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from data_pipeline.coordination.store import damaged
from data_pipeline.exceptions import ConfigurationError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

logger = logging.getLogger(__name__)


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode

FORMAT = "data_pipeline.coordination"
MOST_BYTES = 1_000_000
"""A state is a few hundred bytes; anything near this is not one."""


class Seal:
    """Wraps the JSON text of a state, and encrypts it when it is secret and there is a key.

    Args:
        keys: One Fernet key, or several with commas as Airflow writes them, newest first; None for no encryption.

    Raises:
        ConfigurationError: A key is not a Fernet key.
    """

    def __init__(self, keys: str | None) -> None:
        self._fernet = _fernet(keys) if keys else None

    def wrap(self, head: dict[str, Any], state: dict[str, Any], *, secret: bool) -> bytes:
        """Return the bytes to write: the mark, ``head``, and the state."""
        if secret and self._fernet is not None:
            sealed = self._fernet.encrypt(_encode(state).encode()).decode()
            return _encode({"format": FORMAT, **head, "sealed": sealed}).encode()
        return _encode({"format": FORMAT, **head, "state": state}).encode()

    def state(self, envelope: dict[str, Any], location: str, *, secret: bool) -> dict[str, Any]:
        """Return the state inside an envelope; empty for a secret that was written under another key or none.

        Raises:
            CoordinationError: There is no state inside.
        """
        if not secret or (self._fernet is None and "sealed" not in envelope):
            return _object(envelope.get("state"), location)
        from cryptography.fernet import InvalidToken

        sealed = envelope.get("sealed")
        if self._fernet is not None and isinstance(sealed, str):
            with suppress(InvalidToken, ValueError):
                return _object(_decode(self._fernet.decrypt(sealed.encode()).decode()), location)
        logger.warning("%s was written under another Fernet key or none; it counts as empty", location)
        return {}


def open_envelope(content: bytes, location: str) -> dict[str, Any]:
    """Return the envelope that these bytes are.

    Raises:
        CoordinationError: They are not an envelope of this package.
    """
    if len(content) > MOST_BYTES:
        raise damaged(location, "it is larger than any state")
    try:
        envelope = _decode(content.decode())
    except (ValueError, RecursionError):
        raise damaged(location, "it is not JSON") from None
    if not isinstance(envelope, dict) or envelope.get("format") != FORMAT:
        raise damaged(location, f"it is not marked {FORMAT}")
    return envelope


def _object(state: Any, location: str) -> dict[str, Any]:
    if not isinstance(state, dict):
        raise damaged(location, "it holds no state")
    return state


def _fernet(keys: str) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
    except ValueError:
        raise ConfigurationError(
            "AIRFLOW__CORE__FERNET_KEY is not a Fernet key (32 bytes in URL-safe base64); make one with "
            "cryptography.fernet.Fernet.generate_key() or leave it empty"
        ) from None
