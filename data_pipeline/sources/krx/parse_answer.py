"""What an HTTP answer of KRX means: rows, or one of its refusals."""

from __future__ import annotations

import re
from typing import Any

import requests

from data_pipeline.client.answer import error_of_status, is_unexplained, no_service, read_object
from data_pipeline.exceptions import (
    AuthenticationError,
    DataPipelineError,
    PayloadError,
    RateLimitedError,
    ServiceNotApprovedError,
)
from data_pipeline.sources.krx.endpoints import Endpoint
from data_pipeline.sources.krx.parse_fields import Row

BLOCK = "OutBlock_1"


class QuotaSpentError(RateLimitedError):
    """KRX counts this key's calls of the day as spent (429); only the next day helps."""


def parse_answer(response: requests.Response, endpoint: Endpoint, where: str) -> list[Row]:
    """Return the rows of one call, in the server's order; an empty list is what KRX says for many reasons.

    Args:
        response: What came, of any status, without the request's headers.
        endpoint: Which service was called.
        where: The call and its day, for messages.

    Raises:
        AuthenticationError: KRX does not know the key, or it has expired.
        ServiceNotApprovedError: The key may not use this service.
        QuotaSpentError: The key's calls of the day are spent.
        RateLimitedError: A 429 that KRX's own service did not write; trying again later can help.
        ServerFailureError: A 408 or 5xx; trying again later can help.
        RequestRefusedError: Any other code.
        MaintenanceError: A 4xx without a code of KRX.
        MaintenanceError, PayloadError: As :func:`~data_pipeline.client.answer.read_object` says.

    Source: observed answers of the KRX Open API; its portal documents no errors.
    """
    status, body = response.status_code, read_object(response, where)
    if status != 200 or _code(body):
        raise refusal(response, body, endpoint, where)
    rows = body.get(BLOCK)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        problem = "is not a list of objects" if BLOCK in body else "is missing"
        raise PayloadError(f"{where}: field {BLOCK} {problem}")
    return [Row(f"{where}, row {number}", row) for number, row in enumerate(rows, 1)]


def refusal(response: requests.Response, body: dict[str, Any], endpoint: Endpoint, where: str) -> DataPipelineError:
    """Return the error that an unsuccessful answer stands for; a code in the body counts whatever the status."""
    code = _code(body) or str(response.status_code)
    if is_unexplained(response, _code(body) or (code if code == "401" else "")):
        return no_service(response, f"{where}: refused without a code of KRX", response)
    text = str(body.get("respMsg", ""))[:120]
    message = f"{where}: {text or 'refused'} (code {code}, HTTP {response.status_code})"
    if code == "401" and "api call" in text.lower():
        return ServiceNotApprovedError(
            f"{message}: apply for {endpoint.document} at openapi.krx.co.kr with this key and wait for its approval",
            response=response,
        )
    if code == "401":
        return AuthenticationError(
            f"{message}: KRX does not know this key or it is older than a year; look it up or renew it at "
            "openapi.krx.co.kr",
            response=response,
        )
    # A page or rows under 429 come from what stands before KRX's service, which counts no day.
    if code == "429" and (text or _code(body)):
        return QuotaSpentError(message, response=response)
    return error_of_status(response, message, int(code) if re.fullmatch("[1-5][0-9]{2}", code) else None)


def _code(body: dict[str, Any]) -> str:
    value = body.get("respCode")
    return str(value).strip() if value is not None else ""
