"""What an answer is before its vendor's codes are read: one rule for every vendor."""

from __future__ import annotations

import io

import pytest
import requests

from data_pipeline.client.answer import error_of_status, read_object, require_data, retry_after
from data_pipeline.exceptions import (
    MaintenanceError,
    PayloadError,
    RateLimitedError,
    RequestRefusedError,
    ServerFailureError,
    TransientError,
)

PAGE = "<html><head><title>서비스 점검</title></head><body>02:00 ~ 05:30</body></html>".encode("euc-kr")
CUT_PAGE = PAGE[: PAGE.index("점검".encode("euc-kr")) + 3]
"""It ends with the first of the two bytes of a letter."""


def response(status: int, content: bytes, **headers: str) -> requests.Response:
    """Return an answer."""
    made = requests.Response()
    made.status_code, made.raw = status, io.BytesIO(content)
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


@pytest.mark.parametrize("status", [200, 204, 302, 500, 502, 503])
@pytest.mark.parametrize(
    "content",
    [PAGE, CUT_PAGE, b"\xef\xbb\xbf\r\n <html>", b"", b" \r\n", "점검 중".encode("euc-kr"), b"Unavailable"],
    ids=["page", "page cut inside a letter", "page behind a mark", "nothing", "blanks", "Korean text", "text"],
)
def test_what_is_no_data_is_maintenance(status: int, content: bytes) -> None:
    """A page, text or nothing in place of data may pass, under success as under 5xx; status and endpoint are named."""
    with pytest.raises(MaintenanceError, match=rf"^KIS inquire-price of 000020: .*HTTP {status}") as caught:
        read_object(response(status, content), "KIS inquire-price of 000020")
    assert isinstance(caught.value, TransientError)


@pytest.mark.parametrize("content", [
    b'{"rt_cd": "0", "output": {', b"[]", b"null", b"3", b'"text"', b'{"a": 1, "a": 2}', b'{"a": NaN}', b"[" * 100_000,
    '{"hts_kor_isnm": "동화약품"}'.encode("euc-kr"),
], ids=lambda content: repr(content[:12]))  # fmt: skip
def test_json_that_is_not_as_documented_is_a_payload_error(content: bytes) -> None:
    """The vendor's own JSON that is wrong stays for good under success; under 5xx the server has failed."""
    with pytest.raises(PayloadError, match="KRX stk_bydd_trd"):
        read_object(response(200, content), "KRX stk_bydd_trd of 2026-11-20")
    with pytest.raises(ServerFailureError):
        read_object(response(503, content), "KRX stk_bydd_trd of 2026-11-20")


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_4xx_without_json_is_of_nobody_who_knows_stock_codes(status: int) -> None:
    """A page, nothing or half a JSON: it may pass, and who asks again at once makes it worse."""
    for content in (PAGE, b"", b'{"rt_cd": "0", "output": {'):
        with pytest.raises(MaintenanceError, match=f"KIS: answered with .*HTTP {status}") as caught:
            read_object(response(status, content, Retry_After="5"), "KIS")
        assert caught.value.retry_after == 600.0


@pytest.mark.parametrize("status", [408, 429])
def test_a_408_and_a_429_without_json_are_explained_by_their_status(status: int) -> None:
    """Nothing but the status is left to go by."""
    assert read_object(response(status, PAGE), "KIS") == {}


@pytest.mark.parametrize(("status", "kind"), [
    (400, RequestRefusedError), (403, RequestRefusedError), (404, RequestRefusedError), (408, ServerFailureError),
    (429, RateLimitedError), (500, ServerFailureError), (503, ServerFailureError),
])  # fmt: skip
def test_what_a_status_alone_means(status: int, kind: type[Exception]) -> None:
    """Too late, too many and a failed server may pass; other refusals do not."""
    assert type(error_of_status(response(status, b""), "said")) is kind


def test_the_time_that_a_server_asks_for_is_carried() -> None:
    """Whoever tries again knows when the server wants to be asked, after a page as after a bare status."""
    error = error_of_status(response(503, b"", Retry_After="120"), "said")
    assert isinstance(error, TransientError)
    assert error.retry_after == 120.0
    with pytest.raises(MaintenanceError) as caught:
        read_object(response(200, PAGE, Retry_After="1800"), "KIS")
    assert caught.value.retry_after == 1800.0


def test_data_of_another_kind_is_known_by_its_beginning() -> None:
    """A zip file is data where one is due; a page in its place is maintenance."""
    require_data(response(200, b"PK\x03\x04"), "KIS KOSPI master", b"PK")
    with pytest.raises(MaintenanceError, match="KIS KOSPI master: answered with a web page"):
        require_data(response(200, PAGE), "KIS KOSPI master", b"PK")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "-7"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Mon, 14 Sep 2026 00:00:30 GMT", "Date": "Mon, 14 Sep 2026 00:00:00 GMT"}, 30.0),
        ({"Retry-After": "Mon, 14 Sep 2026 00:00:00 GMT", "Date": "Mon, 14 Sep 2026 00:00:30 GMT"}, 0.0),
        ({"Retry-After": "Mon, 14 Sep 2026 00:00:30 GMT"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], expected: float | None) -> None:
    """Both forms of RFC 9110 are read, the date against the server's own clock; nonsense is None."""
    response = requests.Response()
    response.headers.update(headers)
    assert retry_after(response) == expected
