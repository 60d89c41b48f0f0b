"""How a shared state is written: as marked JSON that everybody who opens the store can read."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from data_pipeline.coordination.store import damaged
from data_pipeline.exceptions import ConfigurationError, CoordinationError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


_strict_text = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _encode(envelope: dict[str, Any]) -> bytes:
    """Return JSON; a number that JSON does not know is a ValueError, and msgspec would write null for it."""
    content = msgspec.json.encode(envelope)
    return _strict_text(envelope).encode() if b"null" in content else content


FORMAT = "data_pipeline.coordination"
MOST_BYTES = 1_000_000
"""A state is a few hundred bytes; anything near this is not one."""


class SealedStateError(CoordinationError):
    """Version 0.1 sealed the state with a Fernet key that is not set here, so what it says is unknown."""


class OldSeal:
    """Opens states that version 0.1 sealed as a whole with a Fernet key; none is written so any more.

    Sharers whose Fernet keys differed read each other's state as empty: the time of asking for a token, the turn and
    the day's count with it. What is secret about a state is sealed by whoever writes it.

    Args:
        keys: One Fernet key, or several with commas as Airflow writes them, newest first; None for none.

    Raises:
        ConfigurationError: A key is not a Fernet key.
    """

    def __init__(self, keys: str | None) -> None:
        self._fernet = _fernet(keys) if keys else None

    def state(self, envelope: dict[str, Any], location: str) -> dict[str, Any]:
        """Return the state inside an envelope.

        Raises:
            SealedStateError: It was sealed with another Fernet key.
            CoordinationError: There is no state inside.
        """
        if "sealed" not in envelope:
            return _object(envelope.get("state"), location)
        from cryptography.fernet import InvalidToken

        sealed = envelope["sealed"]
        if self._fernet is not None and isinstance(sealed, str):
            with suppress(InvalidToken, ValueError):
                return _object(_decode(self._fernet.decrypt(sealed.encode()).decode()), location)
        raise SealedStateError(
            f"{location} was sealed by version 0.1 with a Fernet key that is not set here, so what it counts is "
            "unknown and no call is sent. Set AIRFLOW__CORE__FERNET_KEY to the key of the Airflow that shares it and "
            "try again, which unseals it, or delete it once the day of Seoul on which it was written is over"
        )


def wrap(head: dict[str, Any], state: dict[str, Any]) -> bytes:
    """Return the bytes to write: the mark, ``head``, and the state."""
    return _encode({"format": FORMAT, **head, "state": state})


def open_envelope(content: bytes, location: str) -> dict[str, Any]:
    """Return the envelope that these bytes are.

    Raises:
        CoordinationError: They are not an envelope of this package.
    """
    if len(content) > MOST_BYTES:
        raise damaged(location, "it is larger than any state")
    try:
        envelope = msgspec.json.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        envelope = _read(content, location)  # which knows more, such as numbers of any length
    if not isinstance(envelope, dict) or envelope.get("format") != FORMAT:
        raise damaged(location, f"it is not marked {FORMAT}")
    return envelope


def _read(content: bytes, location: str) -> Any:
    try:
        return _decode(content.decode())
    except (ValueError, RecursionError):
        raise damaged(location, "it is not JSON") from None


def _object(state: Any, location: str) -> dict[str, Any]:
    if not isinstance(state, dict):
        raise damaged(location, "it holds no state")
    return state


def _fernet(keys: str) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    with suppress(ValueError):
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
    # Raised out here, an error has no context: the frames that decode a key hold it.
    raise ConfigurationError(
        "AIRFLOW__CORE__FERNET_KEY is not a Fernet key (32 bytes in URL-safe base64); make one with "
        "cryptography.fernet.Fernet.generate_key() or leave it empty"
    )
