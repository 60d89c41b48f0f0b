"""How a shared token is kept: sealed with a key that only holders of the app secret can derive."""

from __future__ import annotations

import base64
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from data_pipeline.settings.hidden import Hidden

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class TokenSeal:
    """Seals the token of one app key; whoever has its secret can open it, whatever else is configured.

    No other setting plays a part, least of all an Airflow Fernet key: processes that differ in it would each find the
    others' token unreadable and ask for one of their own. Its ``repr`` shows no secret.

    Args:
        name: The name under which the token is shared, usually the hashed app key; one secret seals differently for
            each name.
        secret: The app secret, which everybody who may use the token has.
    """

    def __init__(self, name: str, secret: str) -> None:
        self.name = name
        self._secret = Hidden(secret)

    def __repr__(self) -> str:
        return f"TokenSeal({self.name})"

    @cached_property
    def fingerprint(self) -> str:
        """What tells this secret from another without revealing anything about it: 16 hex digits."""
        return self._derived("fingerprint", 8).hex()

    def close(self, value: str) -> str:
        """Return the sealed text of a token."""
        return self._fernet.encrypt(value.encode()).decode()

    def open(self, sealed: str) -> Hidden | None:
        """Return the token inside; None when another secret sealed it, or it is damaged."""
        from cryptography.fernet import InvalidToken

        with suppress(InvalidToken, ValueError):
            return Hidden(self._fernet.decrypt(sealed.encode()).decode())
        return None

    @cached_property
    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet

        return Fernet(base64.urlsafe_b64encode(self._derived("seal", 32)))

    def _derived(self, purpose: str, length: int) -> bytes:
        # HKDF, RFC 5869: a secret issued by the vendor is random enough, so it needs neither salt nor many rounds.
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        info = f"data_pipeline token {purpose} 1 {self.name}".encode()
        return HKDF(SHA256(), length, salt=None, info=info).derive(self._secret.encode())
