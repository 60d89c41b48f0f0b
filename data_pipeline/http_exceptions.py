"""The errors that are also errors of ``requests``, as the README tells callers to catch them.

Import them from ``data_pipeline.exceptions``, where the whole tree stands.
"""

from __future__ import annotations

from requests import exceptions as requests_exceptions

from data_pipeline.exceptions import PermanentError, TransientError


class RateLimitedError(TransientError, requests_exceptions.HTTPError):
    """The server rejected the call because too many were sent (KIS: EGW00201, EGW00215, 429)."""


class DailyQuotaError(TransientError, requests_exceptions.HTTPError):
    """The calls that a key has for one day are spent; ``retry_after`` are the seconds until the next day begins."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerFailureError(TransientError, requests_exceptions.HTTPError):
    """The server failed: 408, 5xx without a code that explains it, or a code that says so; it blames no stock code."""


class MaintenanceError(ServerFailureError):
    """No data came but a web page, text, nothing or a redirect, as during maintenance, under success as under 5xx."""


class RequestTimeoutError(TransientError, requests_exceptions.Timeout):
    """The whole answer, from connecting to its last byte, did not come within the timeout."""


class ConnectionFailedError(TransientError, requests_exceptions.ConnectionError):
    """The connection could not be made or broke off."""


class AuthenticationError(PermanentError, requests_exceptions.HTTPError):
    """The server refuses the app key, the app secret or a fresh token."""


class ServiceNotApprovedError(AuthenticationError):
    """The key is good, but this service was not applied for, or not approved yet, or no longer is."""


class RequestRefusedError(PermanentError, requests_exceptions.HTTPError):
    """The server understood the request and refuses it; the message carries its code."""


for _error in [one for one in globals().values() if isinstance(one, type) and one.__module__ == __name__]:
    # Logs, tracebacks and pickles name the module that people import them from.
    _error.__module__ = "data_pipeline.exceptions"
