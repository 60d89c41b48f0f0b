"""The tree of errors: what a caller may catch, and that it costs nothing to know the errors that are not of HTTP."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
import requests

from data_pipeline import exceptions, http_exceptions
from data_pipeline.exceptions import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    DailyQuotaError,
    InvalidRequestError,
    MaintenanceError,
    PermanentError,
    RateLimitedError,
    RequestRefusedError,
    RequestTimeoutError,
    ServerFailureError,
    ServiceNotApprovedError,
    TransientError,
)


@pytest.mark.parametrize(
    ("error", "ours", "theirs"),
    [
        (RateLimitedError, TransientError, requests.exceptions.HTTPError),
        (DailyQuotaError, TransientError, requests.exceptions.HTTPError),
        (ServerFailureError, TransientError, requests.exceptions.HTTPError),
        (MaintenanceError, ServerFailureError, requests.exceptions.HTTPError),
        (RequestTimeoutError, TransientError, requests.exceptions.Timeout),
        (ConnectionFailedError, TransientError, requests.exceptions.ConnectionError),
        (AuthenticationError, PermanentError, requests.exceptions.HTTPError),
        (ServiceNotApprovedError, AuthenticationError, requests.exceptions.HTTPError),
        (RequestRefusedError, PermanentError, requests.exceptions.HTTPError),
        (ConfigurationError, PermanentError, ValueError),
        (InvalidRequestError, PermanentError, ValueError),
    ],
)
def test_what_a_caller_may_catch(error, ours, theirs):
    """As the README tells: an error is one of this tree and, where it says so, one of `requests` or a ValueError."""
    assert issubclass(error, ours)
    assert issubclass(error, theirs)


def test_an_error_names_the_module_that_people_import_it_from():
    """The class is the same by either way, says where it belongs, and survives a pickle."""
    error = exceptions.DailyQuotaError("spent", 60.0)
    assert type(error) is http_exceptions.DailyQuotaError
    assert f"{type(error).__module__}.{type(error).__qualname__}" == "data_pipeline.exceptions.DailyQuotaError"
    assert pickle.loads(pickle.dumps(exceptions.RateLimitedError)) is http_exceptions.RateLimitedError


def test_a_name_that_is_no_error():
    """A misspelt name is an ordinary ImportError, also as an attribute."""
    with pytest.raises(AttributeError, match="RateLimitError"):
        exceptions.RateLimitError  # noqa: B018 - asking is the test
    with pytest.raises(ImportError, match="RateLimitError"):
        from data_pipeline.exceptions import RateLimitError  # noqa: F401


def test_requests_is_imported_only_for_errors_of_http():
    """Importing a plain error leaves `requests` alone; importing one of HTTP brings it in."""
    code = (
        "import sys\nfrom data_pipeline.exceptions import PayloadError\nplain = 'requests' in sys.modules\n"
        "from data_pipeline.exceptions import RateLimitedError\nprint(plain, 'requests' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
