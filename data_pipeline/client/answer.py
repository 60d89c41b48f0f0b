"""What an answer says before its vendor's own codes are read: data, a refusal, or that nobody serves at present.

The one rule for every vendor: what the vendor's service did not write itself (a web page, nothing, a redirect, a bare
408, 429 or 5xx) concerns all calls alike, blames no stock code, and may pass. JSON that contradicts its document is for
good, and so is any other 4xx.
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

_BLANK = b"\xef\xbb\xbf \t\r\n"
"""What may stand before the first character: a byte order mark and white space."""


def read_object(response: requests.Response, where: str) -> dict[str, Any]:
    """Return the JSON object of an answer of any status; empty for a 4xx without JSON, which only its status explains.

    Args:
        response: What came, without secrets: errors carry it.
        where: The call and what it was about, for messages.

    Raises:
        MaintenanceError: A success or a 5xx that is no JSON; trying again later can help.
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
    if status >= 400:
        return {}
    raise PayloadError(f"{where}: the answer is not the documented JSON ({problem})")


def require_data(response: requests.Response, where: str, *beginnings: bytes) -> None:
    """Raise when a success or a 5xx begins with none of these, as during maintenance.

    Raises:
        MaintenanceError: Trying again later can help.
    """
    begin = response.content.lstrip(_BLANK)[:8]
    if not begin.startswith(beginnings) and not 400 <= response.status_code < 500:
        kind = "a web page" if begin[:1] == b"<" else "text that is no data" if begin else "nothing"
        raise no_service(response, f"{where}: answered with {kind}", response)


def no_service(response: requests.Response, said: str, carried: requests.Response | None = None) -> MaintenanceError:
    """Return the error of an answer that its service did not write; it carries a response that holds no secret."""
    message = f"{said} (HTTP {response.status_code}) in place of data; the server may be under maintenance"
    error = MaintenanceError(message, response=carried)
    error.retry_after = retry_after(response)
    return error


def error_of_status(response: requests.Response, message: str, status: int | None = None) -> DataPipelineError:
    """Return the error of a refusal that nothing but its status explains: 408, 429 and 5xx may pass, others do not.

    Args:
        response: What came, without secrets.
        message: What the error says.
        status: The status that the body names; None for that of the answer itself.
    """
    status = response.status_code if status is None else status
    if status not in {408, 429} and status < 500:
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
