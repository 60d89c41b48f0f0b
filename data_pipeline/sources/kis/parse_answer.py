"""What an HTTP answer of KIS means: its JSON, its business code and, only then, its status."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from data_pipeline.client.strict_json import strict_object
from data_pipeline.exceptions import (
    AuthenticationError,
    DataPipelineError,
    PayloadError,
    RateLimitedError,
    RequestRefusedError,
    ServerFailureError,
    TokenUnavailableError,
    UnknownStockError,
    UnsupportedDatasetError,
)
from data_pipeline.market.clock import SEOUL
from data_pipeline.sources.kis.endpoints import Endpoint
from data_pipeline.sources.kis.parse_fields import Row

TOKEN_REFUSED = frozenset({"EGW00121", "EGW00123"})
_RATE = frozenset({"EGW00201", "EGW00215"})
_KEY_REFUSED = frozenset(
    {"EGW00101", "EGW00102", "EGW00103", "EGW00104", "EGW00105", "EGW00205", "EGW00206", "EGW00207"}
    | {"EGW02004", "EGW02007"}
)
_GATEWAY_FAILED = frozenset(
    {"EGW00001", "EGW00002", "EGW00003", "EGW00004", "EGW00202", "EGW00203", "EGW00204"}
    | {"EGW00300", "EGW00301", "EGW00302", "EGW00303", "EGW00304"}
)
"""Source: koreainvestment/kis-ai-extensions, kis-help.md: server, gateway and routing errors."""


class TokenRefusedError(AuthenticationError):
    """The access token is unknown or has expired; a new one may be accepted."""


@dataclass(frozen=True)
class Answer:
    """One successful answer."""

    where: str
    """The call and what it was about, for messages: ``KIS inquire-price of 005930``."""
    body: dict[str, Any]
    at: datetime
    """When the server answered, by its own clock, in Seoul."""

    def row(self, key: str) -> Row:
        """Return the object under ``key``.

        Raises:
            PayloadError: It is missing or not an object.
        """
        fields = self.body.get(key)
        if not isinstance(fields, dict):
            raise PayloadError(f"{self.where}: field {key} is {'not an object' if key in self.body else 'missing'}")
        return Row(self.where, fields)

    def rows(self, key: str) -> list[Row]:
        """Return the objects of the list under ``key``, in the server's order.

        Raises:
            PayloadError: It is missing or not a list of objects.
        """
        found = self.body.get(key)
        if not isinstance(found, list) or not all(isinstance(fields, dict) for fields in found):
            problem = "not a list of objects" if key in self.body else "missing"
            raise PayloadError(f"{self.where}: field {key} is {problem}")
        return [Row(f"{self.where}, row {number}", fields) for number, fields in enumerate(found, 1)]


Call = Callable[[Endpoint, Mapping[str, str], str], Answer]
"""Sends one call: its endpoint, its query and what it is about, for messages."""


def parse_answer(response: requests.Response, where: str, subject: str, at: datetime) -> Answer:
    """Return the answer of a data call.

    Args:
        response: What came, of any status, :func:`scrubbed`.
        where: The call and what it was about, for messages.
        subject: The stock code asked for.
        at: When the server answered.

    Raises:
        TokenRefusedError: EGW00121 or EGW00123, under whatever status; a new token may help.
        RateLimitedError: EGW00201 or EGW00215; trying again later helps.
        ServerFailureError: A 5xx without a code that explains it, or a failure of the gateway; trying again later can
            help.
        UnknownStockError: MCA05918.
        UnsupportedDatasetError: EGW02006, a call that the virtual server does not have.
        AuthenticationError: The key or secret is refused.
        RequestRefusedError: Any other code; the message has it.
        PayloadError: A success that is not the documented JSON.

    Source: KIS Developers, error codes; the status alone says little, since EGW codes come under 200, 403 and 500.
    """
    body = parse_body(response, where)
    if response.status_code == 200 and body.get("rt_cd") == "0":
        return Answer(where, body, at)
    code = _text_of(body, "msg_cd", "error_code")
    if code == "MCA05918":
        raise UnknownStockError(subject, where)
    raise refusal(response, body, where)


def parse_body(response: requests.Response, where: str) -> dict[str, Any]:
    """Return the JSON object of an answer of any status.

    Raises:
        ServerFailureError: A 5xx without JSON.
        RequestRefusedError: Another status that is no success, without JSON.
        PayloadError: A success that is not a JSON object, has a key twice, or holds NaN or an infinite number.
    """
    try:
        return strict_object(response.content)
    except (ValueError, RecursionError) as error:
        status = response.status_code
        if status >= 500:
            raise ServerFailureError(f"{where}: HTTP {status} without JSON", response=response) from None
        if status != 200:
            raise RequestRefusedError(f"{where}: HTTP {status} without JSON", response=response) from None
        kind = type(error).__name__ if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)) else str(error)
        raise PayloadError(f"{where}: the answer is not the documented JSON ({kind})") from None


def refusal(response: requests.Response, body: dict[str, Any], where: str) -> DataPipelineError:
    """Return the error that an unsuccessful answer stands for, judged by its code before its status."""
    code = _text_of(body, "msg_cd", "error_code")
    text = _text_of(body, "msg1", "error_description")[:120]
    message = f"{where}: {code} {text} (HTTP {response.status_code})"
    if response.status_code >= 500 and (not code or body.get("rt_cd") == "0"):
        return ServerFailureError(message, response=response)
    if not code and response.status_code == 200:
        return PayloadError(f"{where}: field rt_cd is missing or not '0', and no msg_cd says why")
    if code == "EGW00133":
        return _token_wait(message)
    if code == "EGW02006":
        return UnsupportedDatasetError(message)
    kinds = (
        (TOKEN_REFUSED, TokenRefusedError),
        (_RATE, RateLimitedError),
        (_KEY_REFUSED, AuthenticationError),
        (_GATEWAY_FAILED, ServerFailureError),
    )
    kind = next((error for codes, error in kinds if code in codes), RequestRefusedError)
    return kind(message, response=response)


def server_time(response: requests.Response, local: datetime) -> datetime:
    """Return the server's clock in Seoul from the ``Date`` header; the local clock when there is none to read."""
    try:
        return parsedate_to_datetime(response.headers["Date"]).astimezone(SEOUL)
    except (KeyError, ValueError, TypeError):
        return local.astimezone(SEOUL)


def scrubbed(response: requests.Response, secrets: Iterable[str]) -> requests.Response:
    """Return status and body alone, without any of these secrets in the body.

    An error carries its response, and the request beside a response would carry the key and the token.
    """
    content = response.content
    for secret in secrets:
        content = content.replace(secret.encode(), b"***")
    copy = requests.Response()
    copy.status_code = response.status_code
    copy.reason = response.reason
    copy.encoding = "utf-8"
    copy.raw = io.BytesIO(content)
    return copy


def _token_wait(message: str) -> TokenUnavailableError:
    error = TokenUnavailableError(message)
    error.retry_after = 60.0
    return error


def _text_of(body: dict[str, Any], *names: str) -> str:
    return next((value.strip() for name in names if isinstance(value := body.get(name), str) and value.strip()), "")
