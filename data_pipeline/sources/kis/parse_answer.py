"""What an HTTP answer of KIS means: its JSON, its business code and, only then, its status."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import requests

from data_pipeline.client.answer import error_of_status, is_unexplained, no_service, read_object
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


class TokenRefusedError(AuthenticationError):
    """The access token is unknown or has expired; a new one may be accepted."""


_ERRORS: tuple[tuple[re.Pattern[str], Callable[..., DataPipelineError]], ...] = (
    (re.compile("EGW00121|EGW00123"), TokenRefusedError),
    (re.compile("EGW00201|EGW00215"), RateLimitedError),
    (re.compile("EGW0000[34]|EGW0010[1-5]|EGW0020[5-7]|EGW0030[34]|EGW02004|EGW02007"), AuthenticationError),
    (
        # A part of the request is missing or wrong, under whatever status.
        re.compile("EGW001(0[6-9]|[12][0-9]|3[0-2])|EGW002(08|09|1[0-3])|OPSQ(0002|2[0-9]{3}|9[0-9]{3})"),
        RequestRefusedError,
    ),
    (
        # Server, gateway, routing and session errors; EGW00316 asks to inquire again (재 조회).
        re.compile("EGW0000[12]|EGW0020[2-4]|EGW0030[0-2]|EGW00316|OPSQ(00(0[1-9]|1[01])|1002|3[0-9]{3})"),
        ServerFailureError,
    ),
)
"""What a code means, by the first pattern that is all of it; any other code counts for as much as its status.

Source: the tables of error codes on the KIS portal. EGW00316, and OPSQ0003 and OPSQ1002 under success, were seen by
users, who had the data at the next try.
"""


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
        response: What came, of any status, :func:`~data_pipeline.client.scrub.scrubbed`.
        where: The call and what it was about, for messages.
        subject: The stock code asked for.
        at: When the server answered.

    Raises:
        TokenRefusedError: EGW00121 or EGW00123, under whatever status; a new token may help.
        RateLimitedError: EGW00201, EGW00215 or a 429; trying again later helps.
        ServerFailureError: A failure of the gateway, or a 408 or 5xx of unknown code; trying again later can help.
        UnknownStockError: MCA05918.
        UnsupportedDatasetError: EGW02006, a call that the virtual server does not have.
        AuthenticationError: The key or secret is refused.
        RequestRefusedError: Any other code; the message has it.
        MaintenanceError: A 4xx without a code of KIS, which says nothing about the stock code.
        MaintenanceError, PayloadError: As :func:`~data_pipeline.client.answer.read_object` says.

    Source: KIS Developers, error codes; the status alone says little, since EGW codes come under 200, 403 and 500.
    """
    body = read_object(response, where)
    if response.status_code == 200 and body.get("rt_cd") == "0":
        return Answer(where, body, at)
    code = _text_of(body, "msg_cd", "error_code")
    if code == "MCA05918":
        raise UnknownStockError(subject, where)
    raise refusal(response, body, where)


def refusal(response: requests.Response, body: dict[str, Any], where: str) -> DataPipelineError:
    """Return the error that an unsuccessful answer stands for, judged by its code before its status."""
    code = _text_of(body, "msg_cd", "error_code")
    text = _text_of(body, "msg1", "error_description")[:120]
    message = f"{where}: {f'{code} {text}'.strip() or 'refused without a code or a text'} (HTTP {response.status_code})"
    succeeds = body.get("rt_cd") == "0"
    if response.status_code >= 500 and succeeds:
        return error_of_status(response, message)
    if is_unexplained(response, "" if succeeds else code):
        return no_service(response, f"{where}: {text or 'refused without a code or a text'}", response)
    if not code and response.status_code == 200:
        return PayloadError(f"{where}: field rt_cd is missing or not '0', and no msg_cd says why")
    if code == "EGW00133":
        return _token_wait(message)
    if code == "EGW02006":
        return UnsupportedDatasetError(message)
    kind = next((error for codes, error in _ERRORS if codes.fullmatch(code)), None)
    return kind(message, response=response) if kind else error_of_status(response, message)


def server_time(response: requests.Response, local: datetime) -> datetime:
    """Return the server's clock in Seoul from the ``Date`` header; the local clock when there is none to read."""
    try:
        return _seoul_time(response.headers["Date"])
    except (KeyError, ValueError, TypeError):
        return local.astimezone(SEOUL)


@lru_cache(maxsize=16)  # many answers come within one second
def _seoul_time(text: str) -> datetime:
    return parsedate_to_datetime(text).astimezone(SEOUL)


def _token_wait(message: str) -> TokenUnavailableError:
    error = TokenUnavailableError(message)
    error.retry_after = 60.0
    return error


def _text_of(body: dict[str, Any], *names: str) -> str:
    return next((value.strip() for name in names if isinstance(value := body.get(name), str) and value.strip()), "")
