"""Takes secrets out of an answer that repeats them, because errors carry their answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import requests

_ONE_SPELLING = re.compile("[0-9A-Za-z]+")
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
        if _plain_part(secret) in content:
            content = _pattern(secret).sub(b"***", content)
    copy = requests.Response()
    copy.status_code = response.status_code
    copy.reason = response.reason
    copy.encoding = "utf-8"
    copy.headers.update({name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers})
    copy._content = content  # noqa: SLF001 - read in pieces out of a file it would be copied twice
    return copy


@lru_cache(maxsize=64)
def _plain_part(secret: str) -> bytes:
    """Return the longest part of a secret that has one spelling: where it is not, the secret is not."""
    return max(_ONE_SPELLING.findall(secret), key=len, default="").encode()


@lru_cache(maxsize=64)
def _pattern(secret: str) -> re.Pattern[bytes]:
    return re.compile("".join(map(_any_spelling, secret)).encode())


def _any_spelling(one: str) -> str:
    if _ONE_SPELLING.fullmatch(one):
        return one
    code = f"{ord(one):02x}"
    return rf"(?:\\?{re.escape(one)}|(?i:\\u00{code}|%{code}))"
