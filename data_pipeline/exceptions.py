"""Every error that the pipeline raises on purpose, in one tree.

::

    DataPipelineError
    |-- TransientError                      may pass: try again later
    |   |-- RateLimitedError                (HTTPError)   the server said: too many calls
    |   |-- DailyQuotaError                 (HTTPError)   the key's calls of this day are spent; says when the day ends
    |   |-- NotPublishedError               the exchange has not published the session yet; says when it will
    |   |-- QueueTimeoutError               no slot of the budget came free in time
    |   |-- CircuitOpenError                the breaker rejects calls until its cooldown ends
    |   |-- ServerFailureError              (HTTPError)   the server failed: 408, 5xx, a code that says so
    |   |   `-- MaintenanceError            it answers with a page, nothing or a redirect in place of data
    |   |-- RequestTimeoutError             (requests Timeout)
    |   |-- ConnectionFailedError           (requests ConnectionError)
    |   |-- TokenUnavailableError           no token yet: one issue a minute, or somebody else is issuing it
    |   |-- CoordinationError               the state shared by processes cannot be read or written
    |   |-- BusyError                       another command of this installation is at work; says which, since when
    |   `-- KeyInUseError                   another session of the live stream holds the app key
    `-- PermanentError                      will not pass: somebody has to change something
        |-- ConfigurationError              (ValueError)  a setting or credential is missing or wrong; names it
        |-- InvalidRequestError             (ValueError)  the caller's argument is wrong; raised before any call
        |-- AuthenticationError             (HTTPError)   the server refuses the key, secret or token
        |   `-- ServiceNotApprovedError     the key is good, but this service was not applied for
        |-- RequestRefusedError             (HTTPError)   the server refuses this request
        |-- UnknownStockError               no such stock_code at this source
        |-- UnsupportedDatasetError         the source does not offer this dataset; raised before any call
        |-- PayloadError                    the answer is not what is documented; names code, endpoint and field
        |-- CalendarRangeError              (ValueError)  a year that the trading calendar does not cover
        |-- CalendarMismatchError           the source and the trading calendar disagree on open days
        |-- IncompleteDataError             rows that must exist did not come
        |-- CodesFailedError                some stock codes cannot be had; the rows of all others are loaded
        |-- WindowRefusedError              too many rows of a window are wrong at once; they are in quarantine
        |-- SyntheticDataRefusedError       made-up rows may not enter a warehouse of real rows, nor the reverse
        |-- LineStoppedError                ten live sessions in a row ended at once; nothing connects any more
        `-- LoadError                       Postgres refused the rows; the table is as it was before

Errors that also derive from a class of ``requests`` or from ``ValueError`` can be caught as the README shows. The
former are made in ``http_exceptions`` when they are first asked for, because importing ``requests`` takes longer than
all else that a DAG file or the calendar needs. That is the one circle of imports in the package, and it is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_pipeline import http_exceptions

    RateLimitedError = http_exceptions.RateLimitedError
    DailyQuotaError = http_exceptions.DailyQuotaError
    ServerFailureError = http_exceptions.ServerFailureError
    MaintenanceError = http_exceptions.MaintenanceError
    RequestTimeoutError = http_exceptions.RequestTimeoutError
    ConnectionFailedError = http_exceptions.ConnectionFailedError
    AuthenticationError = http_exceptions.AuthenticationError
    ServiceNotApprovedError = http_exceptions.ServiceNotApprovedError
    RequestRefusedError = http_exceptions.RequestRefusedError

_OF_REQUESTS = frozenset(
    {
        "RateLimitedError",
        "DailyQuotaError",
        "ServerFailureError",
        "MaintenanceError",
        "RequestTimeoutError",
        "ConnectionFailedError",
        "AuthenticationError",
        "ServiceNotApprovedError",
        "RequestRefusedError",
    }
)


class DataPipelineError(Exception):
    """Base of every error of this package."""


class TransientError(DataPipelineError):
    """It may pass by itself; trying again later can help."""

    retry_after: float | None = None
    """Seconds after which trying again makes sense; None when unknown."""


class PermanentError(DataPipelineError):
    """It will not pass by itself; trying again does not help."""


class NotPublishedError(TransientError):
    """The exchange has not published this session yet; ``retry_after`` are the seconds until asking makes sense."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueTimeoutError(TransientError):
    """No slot of the shared budget would come free within the queue timeout; no slot was taken."""


class CircuitOpenError(TransientError):
    """The circuit breaker is open: calls are rejected without being sent until ``retry_after`` seconds have passed."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TokenUnavailableError(TransientError):
    """No access token could be had in time: KIS issues one a minute (EGW00133), or its issuer did not finish."""


class CoordinationError(TransientError):
    """The state that processes share cannot be read or written, so no call may be sent."""


class BusyError(TransientError):
    """Another command of the same installation is doing what this one must do alone; nothing was begun."""


class KeyInUseError(TransientError):
    """Another session of the live stream holds the app key (OPSP8996); only its end helps, never another key."""


class ConfigurationError(PermanentError, ValueError):
    """A setting or credential is missing or wrong; the message names the variable and what to put there."""


class InvalidRequestError(PermanentError, ValueError):
    """An argument is wrong (a malformed stock code, a reversed range); nothing was sent."""


class UnknownStockError(PermanentError):
    """The source does not know this stock code."""

    def __init__(self, stock_code: str, where: str) -> None:
        super().__init__(f"{where} does not know stock_code {stock_code!r}")
        self.stock_code = stock_code


class UnsupportedDatasetError(PermanentError):
    """The source does not offer this dataset; nothing was sent."""


class PayloadError(PermanentError):
    """An answer is not what its document says; the message names stock code, endpoint and field."""

    payload: Mapping[str, Any] | None = None
    """The row that is wrong, as it came; None when it is the answer as a whole."""
    origin: str = "record"
    """The vendor's call whose row ``payload`` is."""


class CalendarRangeError(PermanentError, ValueError):
    """The trading calendar does not cover this date; a calendar file for its year is needed."""


class CalendarMismatchError(PermanentError):
    """The source says that the market opens on other days than the trading calendar does; the message names them."""


class IncompleteDataError(PermanentError):
    """Rows that must exist did not come; nothing of this window was loaded."""


class CodesFailedError(PermanentError):
    """Some stock codes cannot be had, for reasons of their own; the rows of all the others are loaded."""

    def __init__(self, failed: Mapping[str, PermanentError], asked: int) -> None:
        shown = "; ".join(f"{code}: {type(error).__name__}: {error}" for code, error in list(failed.items())[:5])
        more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
        super().__init__(f"{len(failed)} of {asked} stock codes failed, the others are loaded: {shown}{more}")
        self.stock_codes = tuple(failed)


class WindowRefusedError(PermanentError):
    """Too many rows of one window are wrong at once; nothing of it was loaded, the wrong rows are in quarantine."""


class SyntheticDataRefusedError(PermanentError):
    """Made-up rows may not enter a warehouse that holds real rows, nor real rows one that holds made-up rows."""


class LineStoppedError(PermanentError):
    """Too many live sessions in a row ended at once, which the vendor may block for: nobody connects until told to."""


class LoadError(PermanentError):
    """Postgres refused the rows; the table is as it was before."""


def __getattr__(name: str) -> Any:
    if name not in _OF_REQUESTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from data_pipeline import http_exceptions

    return getattr(http_exceptions, name)
