"""What an answer says before its vendor's own codes are read: data, a refusal, or that nobody serves at present.

The one rule for every vendor: what the vendor's service did not write itself (a web page, nothing, a redirect, a bare
408, 429 or 5xx, any other 4xx without a code of the vendor) concerns all calls alike, blames no stock code, and may
pass. JSON that contradicts its document is for good, and so is a 4xx with a code that says no more.
"""

from __future__ import annotations

import email.utils
import json
from datetime import timezone
from typing import Any

import requests

from data_pipeline.client.strict_json import strict_object
from data_pipeline.exceptions import (
    DataPipelineError,
    MaintenanceError,
    PayloadError,
    RateLimitedError,
    RequestRefusedError,
    ServerFailureError,
    TransientError,
)

BLOCKED_FOR = 600.0
"""Seconds before it makes sense to come back to what refuses with a page: so many that nobody tries again at once."""
_BLANK = b"\xef\xbb\xbf \t\r\n"
"""What may stand before the first character: a byte order mark and white space."""
_BY_STATUS = frozenset({408, 429})
"""What may pass by its status alone, whoever wrote it."""


def read_object(response: requests.Response, where: str) -> dict[str, Any]:
    """Return the JSON object of an answer of any status; empty for a 408 or 429 without JSON.

    Args:
        response: What came, without secrets: errors carry it.
        where: The call and what it was about, for messages.

    Raises:
        MaintenanceError: A success, a 5xx or any other 4xx that is no JSON; trying again later can help.
        ServerFailureError: A 5xx whose JSON is malformed; trying again later can help.
        PayloadError: A success whose JSON is cut or no object, has a key twice, or holds NaN or an infinite number.
    """
    try:
        return strict_object(response.content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        problem = type(error).__name__
        require_data(response, where, b"{", b"[")
    except (ValueError, RecursionError) as error:
        problem = str(error)
    status = response.status_code
    if status >= 500:
        raise error_of_status(response, f"{where}: HTTP {status} without JSON that can be read")
    if status in _BY_STATUS:
        return {}
    if status >= 400:
        raise no_service(response, f"{where}: answered with half of its JSON", response)
    raise PayloadError(f"{where}: the answer is not the documented JSON ({problem})")


def require_data(response: requests.Response, where: str, *beginnings: bytes) -> None:
    """Raise when an answer begins with none of these, as during maintenance; 408 and 429 say enough by their status.

    Raises:
        MaintenanceError: Trying again later can help.
    """
    begin = response.content.lstrip(_BLANK)[:8]
    if not begin.startswith(beginnings) and response.status_code not in _BY_STATUS:
        kind = "a web page" if begin[:1] == b"<" else "text that is no data" if begin else "nothing"
        raise no_service(response, f"{where}: answered with {kind}", response)


def no_service(response: requests.Response, said: str, carried: requests.Response | None = None) -> MaintenanceError:
    """Return the error of an answer that its service did not write; it carries a response that holds no secret.

    A 4xx may be an address that is blocked for a while, which asking at once makes worse, so its ``retry_after`` is at
    least ten minutes.
    """
    refused = 400 <= response.status_code < 500
    why = ", or this address is blocked or wrong" if refused else ""
    message = f"{said} (HTTP {response.status_code}) in place of data; the server may be under maintenance{why}"
    error = MaintenanceError(message, response=carried)
    error.retry_after = retry_after(response)
    if refused:
        error.retry_after = max(BLOCKED_FOR, error.retry_after or 0.0)
    return error


def is_unexplained(response: requests.Response, code: str) -> bool:
    """Return whether an answer is a 4xx in which the vendor's service says nothing; 408 and 429 say enough."""
    return not code and 400 <= response.status_code < 500 and response.status_code not in _BY_STATUS


def error_of_status(response: requests.Response, message: str, status: int | None = None) -> DataPipelineError:
    """Return the error of a refusal that nothing but its status explains: 408, 429 and 5xx may pass, others do not.

    Args:
        response: What came, without secrets.
        message: What the error says.
        status: The status that the body names; None for that of the answer itself.
    """
    status = response.status_code if status is None else status
    if status not in _BY_STATUS and status < 500:
        return RequestRefusedError(message, response=response)
    error: TransientError = (RateLimitedError if status == 429 else ServerFailureError)(message, response=response)
    error.retry_after = retry_after(response)
    return error


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds that the ``Retry-After`` header asks to wait; None when it is absent or means nothing.

    A date is counted from the answer's own ``Date`` header, so this host's clock plays no part.
    """
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until, since = (_date(value) for value in (text, response.headers.get("Date", "")))
    except ValueError:
        return None
    return max(0.0, until - since)


def _date(text: str) -> float:
    found = email.utils.parsedate_to_datetime(text)
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
