"""Tokens of forms: a form that another site sends in a user's name has none, so it starts nothing."""

from __future__ import annotations

import hashlib
import hmac

VALID_S = 8 * 3600
"""Seconds for which a page may stay open before its buttons want it loaded anew."""


def form_token(secret: bytes, user: str, action: str, now: float) -> str:
    """Return the token of a form.

    Args:
        secret: Known to the server alone.
        user: Whose page the form is on.
        action: What the form does; a token is good for nothing else.
        now: Real time in seconds since 1970 (UTC).
    """
    made = str(int(now))
    return f"{made}.{_sign(secret, user, action, made)}"


def is_token(token: str, secret: bytes, user: str, action: str, now: float) -> bool:
    """Return whether it is a token of this form, made for this user within the last eight hours."""
    made, _, signature = token.partition(".")
    if not (made.isascii() and made.isdigit() and len(made) <= 12 and 0 <= now - int(made) <= VALID_S):
        return False
    return hmac.compare_digest(signature.encode(), _sign(secret, user, action, made).encode())


def _sign(secret: bytes, user: str, action: str, made: str) -> str:
    # No part but the last can hold a line break, so that two forms never sign the same text.
    said = f"{made}\n{action}\n{user}"
    return hmac.new(secret, said.encode(), hashlib.sha256).hexdigest()
