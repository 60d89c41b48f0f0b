"""One call: its headers, its token, what is tried again and what is not."""

from __future__ import annotations

from datetime import datetime

import pytest
import requests

from data_pipeline.client.circuit_breaker import CircuitState
from data_pipeline.exceptions import (
    AuthenticationError,
    CircuitOpenError,
    ConnectionFailedError,
    DataPipelineError,
    MaintenanceError,
    PayloadError,
    RateLimitedError,
    RequestRefusedError,
    RequestTimeoutError,
    ServerFailureError,
    TokenUnavailableError,
    TransientError,
    UnsupportedDatasetError,
)
from data_pipeline.sources.kis.client import KisClient
from data_pipeline.sources.kis.endpoints import MULTI_PRICE, PRICE
from data_pipeline.sources.kis.settings import KisSettings
from tests.support.kis_answers import APP_KEY, APP_SECRET, gateway, line, ok, zipped

PAGE = (
    '<html><head><meta charset="euc-kr"><title>시스템 점검 안내</title></head><body>02:00 ~ 05:30</body></html>'
).encode("euc-kr")
"""What users saw under HTTP 200 during maintenance, with hours of our own."""
MASTER = zipped(line())
QUERY = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930", "FID_BLANK": ""}
SECOND_TOKEN = {"access_token": "second-token", "token_type": "Bearer", "expires_in": 86400}


def ask(client):
    """Send one call."""
    return client.call(PRICE, QUERY, "005930")


def test_headers_and_query(kis, make_client):
    """Every documented header is sent with its TR id, and blank query values are sent too."""
    kis.answer("inquire-price", ok(output={}))
    ask(make_client())
    path, query, headers = kis.asked[-1]
    assert path == "/uapi/domestic-stock/v1/quotations/inquire-price"
    assert query == QUERY
    sent = {name.lower(): value for name, value in headers.items()}
    assert sent["authorization"] == "Bearer first-token"
    assert (sent["appkey"], sent["appsecret"]) == (APP_KEY, APP_SECRET)
    assert (sent["tr_id"], sent["custtype"], sent["tr_cont"]) == ("FHKST01010100", "P", "")
    assert sent["content-type"] == "application/json; charset=utf-8"


def test_one_token_for_all_clients_of_a_key(kis, make_client):
    """Two clients over one store ask for one token."""
    kis.answer("inquire-price", ok(output={}))
    ask(make_client())
    ask(make_client())
    assert len(kis.queries("tokenP")) == 1


def test_a_token_lives_in_real_time(kis, store, fake_time):
    """A market's clock that is fixed years ahead or back neither ends a token nor keeps it; its real day does."""
    settings = KisSettings(APP_KEY, APP_SECRET, rate_limit=1000.0, base_url="http://127.0.0.1:9")

    kis.answer("inquire-price", ok(output={}))

    def client(market_time: str) -> KisClient:
        at = datetime.fromisoformat(market_time)
        return KisClient(settings, store, kis, lambda: at, fake_time.sleep, lambda: fake_time.now().timestamp())

    for moment in ("2026-11-20T20:30+09:00", "2028-02-29T11:00+09:00", "2020-01-02T11:00+09:00"):
        ask(client(moment))
    assert len(kis.queries("tokenP")) == 1
    fake_time.sleep(86_400)
    ask(client("2020-01-02T11:00+09:00"))
    assert len(kis.queries("tokenP")) == 2


@pytest.mark.parametrize("refusal", [gateway("EGW00123"), gateway("EGW00123", 200), gateway("EGW00121")])
def test_expired_token_is_renewed_once(kis, make_client, refusal, fake_time):
    """A refused token, under HTTP 200 or 500, is replaced by a new one and the call is sent again."""
    kis.answer("tokenP", {"access_token": "first-token", "expires_in": 86400}, SECOND_TOKEN)
    kis.answer("inquire-price", refusal, ok(output={"x": "1"}))
    client = make_client()
    assert ask(client).row("output").text("x") == "1"
    assert kis.asked[-1][2]["authorization"] == "Bearer second-token"


def test_second_refused_token_is_an_authentication_error(kis, make_client):
    """Two refused tokens in a row will not be helped by a third."""
    kis.answer("tokenP", {"access_token": "first-token", "expires_in": 86400}, SECOND_TOKEN)
    kis.answer("inquire-price", gateway("EGW00121"))
    with pytest.raises(AuthenticationError, match="EGW00121"):
        ask(make_client())
    assert len(kis.queries("inquire-price")) == 2


def test_newer_token_of_another_process_is_used_first(kis, make_client):
    """A refused token that somebody has replaced meanwhile costs no further instrument."""
    kis.answer("tokenP", {"access_token": "first-token", "expires_in": 86400}, SECOND_TOKEN)
    kis.answer("inquire-price", ok(output={}), gateway("EGW00123"), ok(output={}), gateway("EGW00123"), ok(output={}))
    early, late = make_client(), make_client()
    ask(early)
    ask(late)
    ask(early)
    assert len(kis.queries("tokenP")) == 2
    assert kis.asked[-1][2]["authorization"] == "Bearer second-token"


def test_token_limit_waits_and_then_says_when(kis, make_client):
    """EGW00133 is transient and carries the seconds to wait."""
    kis.answer("tokenP", (403, {"error_code": "EGW00133", "error_description": "1분당 1회"}))
    with pytest.raises(TokenUnavailableError) as caught:
        ask(make_client())
    assert (caught.value.retry_after or 0) > 0
    assert not kis.queries("inquire-price")


@pytest.mark.parametrize(("answer", "kind"), [
    ((403, {"error_code": "EGW00103", "error_description": f"bad {APP_KEY}"}), AuthenticationError),
    ((403, {"error_code": "EGW00105", "error_description": f"bad {APP_SECRET}"}), AuthenticationError),
    ((403, {"error_code": "EGW00777", "error_description": "no"}), AuthenticationError),
    ((403, "<html></html>"), MaintenanceError),
    ((500, "<html></html>"), ServerFailureError),
    ("<html></html>", MaintenanceError),
    ("", MaintenanceError),
    ((302, ""), MaintenanceError),
    ({"access_token": "", "expires_in": 86400}, PayloadError),
    ({"access_token": "token with blank", "expires_in": 86400}, PayloadError),
    ({"access_token": "token"}, PayloadError),
    ({"access_token": "token", "expires_in": "soon"}, PayloadError),
    ({"access_token": "token", "expires_in": 0}, PayloadError),
    ({"access_token": "token", "expires_in": 86400, "access_token_token_expired": "tomorrow"}, PayloadError),
])  # fmt: skip
def test_token_that_is_not_given(kis, make_client, answer, kind):
    """Whatever tokenP answers in place of a token is a typed error without key or secret."""
    kis.answer("tokenP", answer)
    with pytest.raises(kind) as caught:
        ask(make_client())
    assert APP_KEY not in str(caught.value)
    assert APP_SECRET not in str(caught.value)


@pytest.mark.parametrize(("failure", "kind"), [
    (gateway("EGW00201"), RateLimitedError),
    (gateway("EGW00215"), RateLimitedError),
    ((503, "<html></html>"), MaintenanceError),
    (PAGE, MaintenanceError),
    (PAGE[: PAGE.index("점검".encode("euc-kr")) + 3], MaintenanceError),
    ("", MaintenanceError),
    ((302, PAGE), MaintenanceError),
    ((429, PAGE), RateLimitedError),
    ((429, {"message": "Too Many Requests"}), RateLimitedError),
    ((408, ""), ServerFailureError),
    (gateway("EGW00316"), ServerFailureError),
    (gateway("EGW99999"), ServerFailureError),
    (requests.exceptions.ReadTimeout(), RequestTimeoutError),
    (requests.exceptions.ConnectionError(), ConnectionFailedError),
])  # fmt: skip
def test_transient_failure_is_tried_three_times(kis, make_client, failure, kind):
    """What may pass is tried three times; the third failure is raised."""
    kis.answer("inquire-price", failure)
    with pytest.raises(kind):
        ask(make_client())
    assert len(kis.queries("inquire-price")) == 3


def test_second_try_may_succeed(kis, make_client):
    """One rejection for the rate is not seen by the caller, and widens the spacing."""
    kis.answer("inquire-price", gateway("EGW00201"), ok(output={"x": "1"}))
    client = make_client()
    assert ask(client).row("output").text("x") == "1"
    assert client.limiters[0].sends() == 2


@pytest.mark.parametrize("failure", [
    gateway("EGW02006"), gateway("OPSQ2001", 200), gateway("MCA05918", 200), gateway("EGW00208"),
    ok(output={})["output"], '{"rt_cd": "0", "output": ',
])  # fmt: skip
def test_permanent_failure_is_not_tried_again(kis, make_client, failure):
    """What will not pass is sent once."""
    kis.answer("inquire-price", failure)
    with pytest.raises(DataPipelineError):
        ask(make_client())
    assert len(kis.queries("inquire-price")) == 1


def test_outage_opens_the_breaker(kis, make_client):
    """After the threshold of failures in a row nothing more is sent."""
    kis.answer("inquire-price", (503, "<html></html>"))
    client = make_client(breaker_threshold=3)
    with pytest.raises(ServerFailureError):
        ask(client)
    with pytest.raises(CircuitOpenError):
        ask(client)
    assert client.breaker.state is CircuitState.OPEN
    assert len(kis.queries("inquire-price")) == 3


def test_business_errors_never_open_the_breaker(kis, make_client):
    """Refusals and throttling prove that the server lives."""
    kis.answer("inquire-price", gateway("OPSQ2001", 200))
    client = make_client(breaker_threshold=1)
    for _ in range(3):
        with pytest.raises(RequestRefusedError):
            ask(client)
    assert client.breaker.state is CircuitState.CLOSED


def test_call_that_the_virtual_server_lacks_is_not_sent(kis, make_client):
    """A real-only call on the virtual server is refused without asking, not even for a token."""
    with pytest.raises(UnsupportedDatasetError, match="intstock-multprice"):
        make_client(environment="virtual").call(MULTI_PRICE, {}, "005930")
    assert not kis.asked


def test_no_secret_in_what_is_shown(kis, make_client):
    """Neither the client nor an error shows key, secret or token."""
    kis.answer(
        "inquire-price", (200, {"rt_cd": "1", "msg_cd": "OPSQ0000", "msg1": f"{APP_KEY} first-token {APP_SECRET}"})
    )
    client = make_client()
    with pytest.raises(RequestRefusedError) as caught:
        ask(client)
    shown = repr(client) + str(caught.value) + repr(caught.value.response.__dict__)
    assert not any(secret in shown for secret in (APP_KEY, APP_SECRET, "first-token"))


def test_master_is_asked_for_without_key_or_token(kis, make_client):
    """The file server gets no credential, and its failure is tried again."""
    kis.answer("kospi_code.mst.zip", (503, b""), MASTER)
    content, at = make_client().download_master("KOSPI")
    assert (content, at.isoformat()) == (MASTER, "2026-11-20T20:30:00+09:00")
    assert not any(name.lower() in {"appkey", "appsecret", "authorization"} for name in kis.asked[-1][2])


@pytest.mark.parametrize(
    "answer", [PAGE, b"", b"busy", MASTER[: len(MASTER) // 2], (302, PAGE), (408, PAGE), (429, b""), (500, PAGE)]
)
def test_no_file_in_place_of_the_master_may_pass(kis, make_client, answer):
    """Maintenance of the file server, and a file of which half came, are tried again like any other failure."""
    kis.answer("kospi_code.mst.zip", answer, MASTER)
    assert make_client().download_master("KOSPI")[0] == MASTER
    kis.answer("kospi_code.mst.zip", answer)
    with pytest.raises(TransientError, match=r"/kospi_code.mst.zip|KIS KOSPI master"):
        make_client().download_master("KOSPI")


def test_a_master_that_is_cut_short_says_so(kis, make_client):
    """One sentence: which file, how much of it came, and what helps."""
    kis.answer("kosdaq_code.mst.zip", MASTER[:100])
    with pytest.raises(ServerFailureError) as caught:
        make_client().download_master("KOSDAQ")
    said = "KIS KOSDAQ master: the zip file is cut short after 100 bytes; nothing of it is used, try again later"
    assert str(caught.value) == said


def test_missing_master_is_refused(kis, make_client):
    """A file that is not there will not be there the next time."""
    kis.answer("konex_code.mst.zip", (404, b"no"))
    with pytest.raises(RequestRefusedError, match="KONEX master: HTTP 404"):
        make_client().download_master("KONEX")


def test_token_lives_for_the_shorter_of_its_two_statements(kis, make_client, fake_time):
    """A token that is re-issued within six hours expires when it first said, not 24 hours from now."""
    soon = {"access_token": "first-token", "expires_in": 86400, "access_token_token_expired": "2026-11-20 21:30:00"}
    kis.answer("tokenP", soon, SECOND_TOKEN)
    kis.answer("inquire-price", ok(output={}))
    client = make_client()
    ask(client)
    fake_time.sleep(3600)
    ask(client)
    assert kis.asked[-1][2]["authorization"] == "Bearer second-token"
