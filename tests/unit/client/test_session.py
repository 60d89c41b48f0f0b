"""One HTTP call: bounded, unredirected, and without secrets in whatever comes back."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import BaseAdapter

from data_pipeline.client.session import HttpSession
from data_pipeline.exceptions import (
    ConfigurationError,
    ConnectionFailedError,
    InvalidRequestError,
    MaintenanceError,
    PayloadError,
    RequestTimeoutError,
)

SECRETS = {"authorization": "Bearer hunter2", "appkey": "hunter2", "appsecret": "hunter2", "AUTH_KEY": "hunter2"}


class Handler(BaseHTTPRequestHandler):
    """Answers by path; everything it received is kept on the server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.received.append((self.path, dict(self.headers), self.client_address))  # type: ignore[attr-defined]
        status, headers, body = ANSWERS.get(self.path.split("?")[0], (200, {}, b'{"rt_cd": "0"}'))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/short":
            self.close_connection = True

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_args: Any) -> None:
        """Keep the test output clean."""


ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/error": (500, {}, b'{"rt_cd": "1", "msg_cd": "EGW00201"}'),
    "/moved": (302, {"Location": "/elsewhere"}, b""),
    "/cookie": (200, {"Set-Cookie": "a=b"}, b"{}"),
    "/large": (200, {}, b"x" * 5000),
    "/bomb": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 1_000_000)),
    "/zip": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"0123456789")),
    "/garbled": (200, {"Content-Encoding": "gzip"}, b"this is not gzip"),
    "/short": (200, {"Content-Length": "1000"}, b"only this"),
}


@pytest.fixture
def server() -> Iterator[Any]:
    """A server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.received = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def session(server: Any) -> Iterator[HttpSession]:
    """A session on that server that accepts 4,000 bytes."""
    with HttpSession(f"http://127.0.0.1:{server.server_port}/", max_bytes=4000) as session:
        yield session


class Failing(BaseAdapter):
    """A transport that raises this error, with the request attached as requests does."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        if isinstance(self.error, requests.RequestException):
            self.error.request = request
        raise self.error

    def close(self) -> None:
        """Nothing is open."""


def test_an_answer_comes_back_whole_with_its_status(session: HttpSession) -> None:
    """Statuses are the client's to judge: a 500 with a business code is an answer."""
    assert session.get("/fine").json() == {"rt_cd": "0"}
    answer = session.get("/error")
    assert (answer.status_code, answer.json()["msg_cd"]) == (500, "EGW00201")
    assert session.get("/zip").content == b"0123456789"


def test_parameters_headers_and_bodies_arrive(server: Any, session: HttpSession) -> None:
    """What the caller gives is what the server sees, with a browser's user agent."""
    session.get("/q", params={"A": "1 2"}, headers={"tr_id": "FHKST01010100"})
    session.post("/p", json={"grant_type": "client_credentials"})
    (query, headers, _), (_, posted, _) = server.received
    assert query == "/q?A=1+2"
    assert headers["tr_id"] == "FHKST01010100"
    assert headers["User-Agent"].startswith("Mozilla/5.0 ")
    assert posted["Content-Type"] == "application/json"


def test_connections_are_kept(server: Any, session: HttpSession) -> None:
    """Calls one after the other use one connection."""
    for _ in range(5):
        session.get("/fine")
    assert len({peer for _, _, peer in server.received}) == 1


@pytest.mark.thorough
def test_threads_may_share_a_session(session: HttpSession) -> None:
    """Sixteen threads get their own answers."""
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda path: session.get(path).status_code, ["/fine", "/error"] * 50))
    assert answers == [200, 500] * 50


def test_a_download_takes_a_full_url_and_sends_no_credentials(server: Any, session: HttpSession) -> None:
    """Files lie on other hosts, which get only the user agent."""
    assert session.download(f"http://127.0.0.1:{server.server_port}/zip").content == b"0123456789"
    assert not {name.lower() for name in server.received[0][1]} & {name.lower() for name in SECRETS}


def test_a_redirect_is_maintenance(server: Any, session: HttpSession) -> None:
    """Credentials never follow a redirect, which may be gone at the next try."""
    with pytest.raises(MaintenanceError, match=r"GET http://127.0.0.1:\d+/moved: .*redirect.* \(HTTP 302\)"):
        session.get("/moved", headers=SECRETS)
    assert [path for path, _, _ in server.received] == ["/moved"]


def test_no_cookie_is_kept(server: Any, session: HttpSession) -> None:
    """A session holds no state of the server's."""
    session.get("/cookie")
    session.get("/fine")
    assert "Cookie" not in server.received[1][1]


def test_netrc_is_never_read(tmp_path: Path, server: Any) -> None:
    """Credentials in a .netrc are not sent along."""
    import os

    (tmp_path / "netrc").write_text("default login me password hunter2\n", encoding="utf-8")
    before = os.environ.get("NETRC")
    os.environ["NETRC"] = str(tmp_path / "netrc")
    try:
        with HttpSession(f"http://127.0.0.1:{server.server_port}") as session:
            session.get("/fine")
    finally:
        os.environ.pop("NETRC")
        if before is not None:
            os.environ["NETRC"] = before
    assert "Authorization" not in server.received[0][1]


@pytest.mark.parametrize("path", ["/large", "/bomb"])
def test_an_answer_that_is_too_large_is_refused(session: HttpSession, path: str) -> None:
    """The limit counts after decompression."""
    with pytest.raises(PayloadError, match="larger than 4,000 bytes"):
        session.get(path)
    assert session.get("/fine").status_code == 200


def test_an_answer_that_cannot_be_decompressed_is_a_payload_error(session: HttpSession) -> None:
    """Garbage under a gzip label is the server's mistake."""
    with pytest.raises(PayloadError, match="cannot be decompressed"):
        session.get("/garbled")


def test_an_answer_that_breaks_off_is_a_connection_error(session: HttpSession) -> None:
    """Half an answer is none."""
    with pytest.raises(ConnectionFailedError):
        session.get("/short")


def test_a_server_that_says_nothing_times_out() -> None:
    """A connection that is accepted and left alone is a timeout that requests' users can catch."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        HttpSession(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.05) as session,
        pytest.raises(requests.exceptions.Timeout, match=r"within 0\.05 s") as caught,
    ):
        session.get("/q", params={"account": "hunter2"})
    assert isinstance(caught.value, RequestTimeoutError)


@pytest.fixture
def drip() -> Iterator[Any]:
    """Starts a server that sends the first part of an answer at once and the second byte by byte, for three seconds."""
    gone = threading.Event()
    threads: list[threading.Thread] = []
    servers: list[socket.socket] = []

    def serve(listener: socket.socket, at_once: bytes, slowly: bytes) -> None:
        peer, _ = listener.accept()
        with peer, contextlib.suppress(OSError):
            peer.recv(65536)
            peer.sendall(at_once)
            for place in range(len(slowly)):
                if gone.wait(3 / len(slowly)):
                    return
                peer.sendall(slowly[place : place + 1])

    def start(at_once: bytes, slowly: bytes) -> str:
        servers.append(socket.create_server(("127.0.0.1", 0)))
        threads.append(threading.Thread(target=serve, args=(servers[-1], at_once, slowly)))
        threads[-1].start()
        return f"http://127.0.0.1:{servers[-1].getsockname()[1]}"

    yield start
    gone.set()
    for thread in threads:
        thread.join()
    for server in servers:
        server.close()


HEAD = b"HTTP/1.1 200 OK\r\n"
HEADERS = b"Content-Type: application/json\r\nX-Padding: 0123456789\r\n"
BODY = b'{"rt_cd": "0", "output": {"stck_prpr": "71000"}}'


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("at_once", "slowly"),
    [
        (b"", HEAD + b"Content-Length: 2\r\n\r\n{}"),
        (HEAD, HEADERS + b"Content-Length: 2\r\n\r\n{}"),
        (HEAD + b"Content-Length: 48\r\n\r\n", BODY),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"30\r\n" + BODY + b"\r\n0\r\n\r\n"),
        (HEAD + b"\r\n", BODY),
    ],
    ids=["status line", "headers", "body", "chunked body", "body until the connection ends"],
)
def test_an_answer_that_drips_is_given_up(drip: Any, at_once: bytes, slowly: bytes) -> None:
    """The timeout bounds the answer as a whole: a byte every few hundredths of a second does not prolong it."""
    with (
        HttpSession(drip(at_once, slowly), timeout=0.3) as session,
        pytest.raises(RequestTimeoutError, match=r"within 0\.3 s"),
    ):
        session.get("/")


def test_a_proxy_that_drips_is_given_up(drip: Any, environment: Any) -> None:
    """A proxy's own answer counts against the same time."""
    environment(HTTPS_PROXY=drip(b"", b"HTTP/1.1 200 Connection established\r\n\r\n"), NO_PROXY="")
    with HttpSession("https://kis.invalid", timeout=0.3) as session, pytest.raises(RequestTimeoutError):
        session.get("/")


@pytest.mark.thorough
def test_each_call_has_the_time_anew(server: Any) -> None:
    """Calls over one kept connection do not use up one time together."""
    with HttpSession(f"http://127.0.0.1:{server.server_port}", timeout=5) as session:
        assert [session.get("/fine").status_code for _ in range(20)] == [200] * 20
    assert len({peer for _, _, peer in server.received}) == 1


def test_a_body_that_stops_coming_times_out(drip: Any) -> None:
    """A stall in the middle of a body is a timeout too."""
    url = drip(HEAD + b"Content-Length: 100\r\n\r\nhalf", b"-")
    with HttpSession(url, timeout=0.05) as session, pytest.raises(RequestTimeoutError):
        session.get("/")


def test_a_closed_port_is_a_connection_error_with_its_reason() -> None:
    """The reason of the operating system is told, the query is not."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with (
        HttpSession(f"http://127.0.0.1:{port}") as session,
        pytest.raises(requests.exceptions.ConnectionError, match="Connection refused") as caught,
    ):
        session.get("/q", params={"account": "hunter2"})
    assert isinstance(caught.value, ConnectionFailedError)
    assert "hunter2" not in str(caught.value)


def everything_in(error: BaseException) -> str:
    """The texts and attributes of an error and of all errors it hangs on to."""
    seen = "".join(traceback.format_exception(error))
    links: list[BaseException | None] = [error]
    for link in links:
        if link is not None:
            request, response = getattr(link, "request", None), getattr(link, "response", None)
            seen += repr(link) + repr(vars(link)) + repr(vars(request) if request else "")
            seen += repr(vars(response) if response else "")
            links += [link.__cause__, link.__context__]
    return seen


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (requests.ConnectionError("Bearer hunter2"), ConnectionFailedError),
        (requests.exceptions.SSLError("Bearer hunter2"), ConnectionFailedError),
        (requests.ConnectTimeout("Bearer hunter2"), RequestTimeoutError),
        (requests.exceptions.InvalidHeader("Bearer hunter2"), InvalidRequestError),
        (requests.exceptions.ChunkedEncodingError("Bearer hunter2"), ConnectionFailedError),
        (ConnectionResetError(104, "Bearer hunter2"), ConnectionFailedError),
    ],
)
def test_an_error_carries_no_secret(error: Exception, expected: type[Exception]) -> None:
    """Neither the text of an error nor anything it hangs on to holds a header's value."""
    with (
        HttpSession("https://example.invalid", adapter=Failing(error)) as session,
        pytest.raises(expected) as caught,
    ):
        session.get("/q", headers=SECRETS)
    assert "hunter2" not in everything_in(caught.value)


@pytest.mark.parametrize("value", ["hunter2\nX: y", "hunter2\u3131"])
def test_a_credential_that_cannot_be_a_header_is_not_repeated(session: HttpSession, value: str) -> None:
    """A line end or a Korean letter in a key is a permanent error whose text does not hold the key."""
    with pytest.raises(InvalidRequestError) as caught:
        session.get("/q", headers={"appkey": value})
    assert "hunter2" not in everything_in(caught.value)


def test_an_answer_holds_no_secret_of_its_request(session: HttpSession) -> None:
    """Credentials in headers and the body are gone from the answer's request; harmless headers stay."""
    answer = session.get("/q", headers={**SECRETS, "tr_id": "FHKST01010100"})
    posted = session.post("/p", json={"appsecret": "hunter2"})
    assert "hunter2" not in repr(vars(answer.request)) + repr(vars(posted.request))
    assert answer.request.headers["tr_id"] == "FHKST01010100"


@pytest.mark.parametrize("path", ["q", "", "//evil.example/q", "http://evil.example/q"])
def test_a_path_cannot_name_another_host(session: HttpSession, path: str) -> None:
    """Credentials go to the base URL's host only."""
    with pytest.raises(InvalidRequestError, match="one slash"):
        session.get(path)


@pytest.mark.parametrize(
    "url", ["", "openapi.koreainvestment.com", "ftp://h", "https://", "https://me:hunter2@h", "http://h:x", "http://[x"]
)
def test_a_wrong_base_url_is_refused(url: str) -> None:
    """An address that is none is a configuration error, which repeats no password."""
    with pytest.raises(ConfigurationError, match="address") as caught:
        HttpSession(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_wrong_timeout_is_refused(timeout: float) -> None:
    """A call always has an end."""
    with pytest.raises(ConfigurationError, match="timeout"):
        HttpSession("https://h", timeout)


WORDS = st.text(max_size=4) | st.text("Az09._~-=&", max_size=4)


@given(st.dictionaries(WORDS, WORDS))
def test_every_query_is_the_one_of_the_library(params: dict[str, str]) -> None:
    """Whatever the names and values, the address is the one that ``urlencode`` makes."""
    with HttpSession("http://127.0.0.1:1") as session:
        told = session.prepare("GET", "/q", params=params).request.url or ""
    assert told.partition("?")[2] == urlencode(params)
