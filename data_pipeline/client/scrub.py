"""Takes secrets out of an answer that repeats them, because errors carry their answer."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from functools import lru_cache

import requests

_KEPT_HEADERS = ("Date", "Retry-After")


def scrubbed(response: requests.Response, secrets: Iterable[str]) -> requests.Response:
    """Return status, body and when to come back, without any of these secrets in the body.

    An error carries its response, and the request beside a response would carry the key and the token.

    Args:
        response: What came.
        secrets: As they were sent, each long enough not to stand there by chance; also found where JSON or a URL spells
            a character of them otherwise.
    """
    content = response.content
    for secret in secrets:
        content = _pattern(secret).sub(b"***", content)
    copy = requests.Response()
    copy.status_code = response.status_code
    copy.reason = response.reason
    copy.encoding = "utf-8"
    copy.headers.update({name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers})
    copy.raw = io.BytesIO(content)
    return copy


@lru_cache(maxsize=64)
def _pattern(secret: str) -> re.Pattern[bytes]:
    return re.compile("".join(map(_any_spelling, secret)).encode())


def _any_spelling(one: str) -> str:
    if one.isascii() and one.isalnum():
        return one
    code = f"{ord(one):02x}"
    return rf"(?:\\?{re.escape(one)}|(?i:\\u00{code}|%{code}))"
