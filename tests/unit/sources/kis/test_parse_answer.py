"""An answer is judged by its business code before its status."""

from __future__ import annotations

import io
import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.client.scrub import scrubbed
from data_pipeline.exceptions import (
    AuthenticationError,
    DataPipelineError,
    MaintenanceError,
    PayloadError,
    RateLimitedError,
    RequestRefusedError,
    ServerFailureError,
    TokenUnavailableError,
    UnknownStockError,
    UnsupportedDatasetError,
)
from data_pipeline.sources.kis.parse_answer import TokenRefusedError, parse_answer, server_time

AT = datetime(2026, 11, 20, 20, 30, tzinfo=ZoneInfo("Asia/Seoul"))


def response(status: int, body: object) -> requests.Response:
    """Return an HTTP answer."""
    made = requests.Response()
    made.status_code = status
    made.raw = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
    return made


def parse(status: int, body: object):
    """Parse an answer about 005930."""
    return parse_answer(response(status, body), "KIS inquire-price of 005930", "005930", AT)


@pytest.mark.parametrize(("status", "code", "kind"), [
    (500, "EGW00201", RateLimitedError),
    (200, "EGW00201", RateLimitedError),
    (500, "EGW00215", RateLimitedError),
    (500, "EGW00121", TokenRefusedError),
    (500, "EGW00123", TokenRefusedError),
    (200, "EGW00123", TokenRefusedError),
    (500, "EGW02006", UnsupportedDatasetError),
    (403, "EGW00133", TokenUnavailableError),
    (403, "EGW00103", AuthenticationError),
    (403, "EGW00105", AuthenticationError),
    (500, "EGW02004", AuthenticationError),
    (500, "EGW00002", ServerFailureError),
    (500, "EGW00203", ServerFailureError),
    (200, "OPSQ2001", RequestRefusedError),
    (200, "OPSQ2002", RequestRefusedError),
    (200, "MCA05918", UnknownStockError),
    (500, "EGW00316", ServerFailureError),
    (200, "EGW00316", ServerFailureError),
    (200, "OPSQ0003", ServerFailureError),
    (200, "OPSQ1002", ServerFailureError),
    (500, "OPSQ0002", RequestRefusedError),
    (500, "EGW00132", RequestRefusedError),
    (500, "EGW00208", RequestRefusedError),
    (500, "OPSQ2001", RequestRefusedError),
    (500, "EGW00304", AuthenticationError),
    (500, "EGW99999", ServerFailureError),
    (408, "EGW99999", ServerFailureError),
    (429, "EGW99999", RateLimitedError),
    (200, "EGW99999", RequestRefusedError),
    (403, "EGW99999", RequestRefusedError),
])  # fmt: skip
def test_code_decides_whatever_the_status(status, code, kind):
    """Each documented code is one type of error, under whatever status it comes."""
    with pytest.raises(kind) as caught:
        parse(status, {"rt_cd": "1", "msg_cd": code, "msg1": "text".ljust(80)})
    assert type(caught.value) is kind


def test_refusal_carries_code_and_trimmed_text():
    """The message has the code and the text without its padding, and the README's response.status_code works."""
    with pytest.raises(RequestRefusedError) as caught:
        parse(200, {"rt_cd": "2", "msg_cd": "OPSQ2001", "msg1": "ERROR INVALID FID_COND_MRKT_DIV_CODE".ljust(80)})
    assert "OPSQ2001 ERROR INVALID FID_COND_MRKT_DIV_CODE (HTTP 200)" in str(caught.value)
    assert caught.value.response.status_code == 200


@pytest.mark.parametrize("body", [{}, {"rt_cd": "1", "msg_cd": " ", "msg1": ""}, {"rt_cd": "1", "msg1": None}])
@pytest.mark.parametrize("status", [403, 408, 429, 500])
def test_refusal_without_a_text_names_status_and_call(status, body):
    """An answer that says nothing still tells which call it was and its status."""
    with pytest.raises(DataPipelineError) as caught:
        parse(status, body)
    said = f"KIS inquire-price of 005930: refused without a code or a text (HTTP {status})"
    assert str(caught.value).startswith(said)


def test_a_page_under_403_is_not_asked_for_again_at_once():
    """An address that is blocked for a while stays so for longer when it is asked: ten minutes, or what it says."""
    with pytest.raises(MaintenanceError, match="blocked or wrong") as caught:
        parse(403, b"<html>forbidden</html>")
    assert caught.value.retry_after == 600.0


def test_token_limit_says_when_to_come_back():
    """EGW00133 asks to wait a minute."""
    with pytest.raises(TokenUnavailableError) as caught:
        parse(403, {"error_code": "EGW00133", "error_description": "1분당 1회"})
    assert caught.value.retry_after == 60.0


@pytest.mark.parametrize(("status", "body", "kind"), [
    (200, b"<html>maintenance</html>", MaintenanceError),
    (200, b"", MaintenanceError),
    (502, b"<html>bad gateway</html>", MaintenanceError),
    (429, b"<html>slow down</html>", RateLimitedError),
    (408, b"", ServerFailureError),
    (403, b"<html>forbidden</html>", MaintenanceError),
    (404, b"", MaintenanceError),
    (400, b'{"rt_cd": ', MaintenanceError),
    (404, b'{"message": "no Route matched"}', MaintenanceError),
    (403, b'{"rt_cd": "0", "msg_cd": "MCA00000"}', MaintenanceError),
    (200, b'{"rt_cd": "0", "output": {"stck_prpr": ', PayloadError),
    (200, b"[]", PayloadError),
    (200, b"\xff\xfe", MaintenanceError),
    (500, b'{"rt_cd": ', ServerFailureError),
    (200, b'{"rt_cd": "0", "rt_cd": "0"}', PayloadError),
    (200, b'{"rt_cd": "0", "output": {"a": "1", "a": "2"}}', PayloadError),
    (200, b'{"rt_cd": "0", "output": NaN}', PayloadError),
    (200, b'{"rt_cd": "0", "output": -Infinity}', PayloadError),
    (200, b'{"rt_cd": "0", "output": 1e400}', PayloadError),
    (200, b"[" * 100_000, PayloadError),
    (200, b'{"output": {}}', PayloadError),
    (500, b'{"message": "Internal Server Error"}', ServerFailureError),
    (500, b'{"rt_cd": "0", "msg_cd": "MCA00000"}', ServerFailureError),
])  # fmt: skip
def test_malformed_answers_are_typed(status, body, kind):
    """Cut, doubled, endless or wrongly shaped JSON is a PayloadError; what KIS's service did not write may pass."""
    with pytest.raises(kind, match=r"KIS inquire-price of 005930"):
        parse(status, body)


@given(status=st.sampled_from([200, 400, 403, 500, 503]), body=st.binary(max_size=200))
def test_hostile_bytes_end_in_our_errors(status, body):
    """Whatever bytes come, nothing but our own errors is raised."""
    with pytest.raises(DataPipelineError):
        parse(status, body)


def test_secrets_are_taken_out_of_what_errors_carry():
    """A server that repeats a key in its text does not get it into an error, and headers are not kept."""
    made = response(403, {"error_code": "EGW00103", "error_description": "bad key THE-SECRET-KEY"})
    made.headers["x-echo"] = "THE-SECRET-KEY"
    clean = scrubbed(made, ["THE-SECRET-KEY"])
    with pytest.raises(AuthenticationError) as caught:
        parse_answer(clean, "KIS", "005930", AT)
    assert "THE-SECRET-KEY" not in str(caught.value) + caught.value.response.text
    assert not caught.value.response.headers
    assert caught.value.request is None


def test_when_to_come_back_is_kept():
    """The server's wish to be left alone for two minutes reaches whoever tries again."""
    made = response(503, b"<html></html>")
    made.headers["Retry-After"] = "120"
    with pytest.raises(MaintenanceError) as caught:
        parse_answer(scrubbed(made, []), "KIS", "005930", AT)
    assert caught.value.retry_after == 120.0


@pytest.mark.parametrize(("header", "expected"), [
    ({"Date": "Fri, 20 Nov 2026 11:31:02 GMT"}, "2026-11-20T20:31:02+09:00"),
    ({}, "2026-11-20T20:30:00+09:00"),
    ({"Date": "yesterday"}, "2026-11-20T20:30:00+09:00"),
])  # fmt: skip
def test_server_clock(header, expected):
    """The Date header is the server's clock in Seoul; without a readable one the local clock stands in."""
    made = response(200, {})
    made.headers.update(header)
    assert server_time(made, AT).isoformat() == expected
