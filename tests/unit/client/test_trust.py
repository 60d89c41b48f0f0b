"""Whose certificate is believed: TLS to a real server on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.client.session import HttpSession
from data_pipeline.exceptions import (
    ConfigurationError,
    ConnectionFailedError,
    DataPipelineError,
    PermanentError,
    RequestTimeoutError,
)
from tests.support.certificates import server_context

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[bool], str]]:
    """Starts a TLS server of one connection; it answers at once, or a byte at a time for three seconds."""
    gone = threading.Event()
    context = server_context(tmp_path)

    def answer(slowly: bool) -> None:
        with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as peer:
            peer.recv(65536)
            for place in range(len(ANSWER)) if slowly else ():
                if gone.wait(3 / len(ANSWER)):
                    return
                peer.sendall(ANSWER[place : place + 1])
            if not slowly:
                peer.sendall(ANSWER)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        threads: list[threading.Thread] = []

        def start(slowly: bool = False) -> str:
            threads.append(threading.Thread(target=answer, args=(slowly,)))
            threads[-1].start()
            return f"localhost:{listener.getsockname()[1]}"

        yield start
        gone.set()
        for thread in threads:
            thread.join()


def test_a_certificate_of_an_unknown_ca_is_for_good(serve: Any) -> None:
    """No retry makes a proxy's CA known: the error is permanent and names the variable that helps."""
    with HttpSession(f"https://{serve()}") as session, pytest.raises(ConfigurationError) as caught:
        session.get("/q")
    assert isinstance(caught.value, PermanentError)
    assert "certificate is not trusted (self-signed certificate)" in str(caught.value)
    assert "REQUESTS_CA_BUNDLE must name a file with its CA's certificate" in str(caught.value)


def test_the_bundle_of_the_environment_is_believed(serve: Any, environment: Any, tmp_path: Path) -> None:
    """What the error says to do helps."""
    environment(REQUESTS_CA_BUNDLE=str(tmp_path / "ca.pem"))
    with HttpSession(f"https://{serve()}") as session:
        assert session.get("/q").json() == {}


def test_a_bundle_that_is_not_there_is_for_good(environment: Any, tmp_path: Path) -> None:
    """A path with a mistake in it is named, and nothing is sent."""
    environment(REQUESTS_CA_BUNDLE=str(tmp_path / "nothing.pem"))
    with (
        HttpSession("https://localhost:9") as session,
        pytest.raises(ConfigurationError, match=r"REQUESTS_CA_BUNDLE .*nothing\.pem, which does not exist"),
    ):
        session.get("/q")


def test_a_certificate_for_another_name_is_for_good(serve: Any, environment: Any, tmp_path: Path) -> None:
    """A trusted CA does not make a foreign host the vendor's."""
    environment(REQUESTS_CA_BUNDLE=str(tmp_path / "ca.pem"))
    address = serve().replace("localhost", "127.0.0.1")
    with HttpSession(f"https://{address}") as session, pytest.raises(ConfigurationError, match="IP address mismatch"):
        session.get("/q")


def test_an_answer_that_drips_through_tls_is_given_up(serve: Any, environment: Any, tmp_path: Path) -> None:
    """TLS does not prolong the time of a call either."""
    environment(REQUESTS_CA_BUNDLE=str(tmp_path / "ca.pem"))
    with HttpSession(f"https://{serve(True)}", timeout=0.3) as session, pytest.raises(RequestTimeoutError):
        session.get("/q")


def test_a_server_that_ends_tls_has_failed() -> None:
    """A connection that breaks off in its handshake may pass, and no number of TLS is read as one of the system's."""

    def hang_up() -> None:
        listener.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=hang_up)
        thread.start()
        with (
            HttpSession(f"https://localhost:{listener.getsockname()[1]}") as session,
            pytest.raises(DataPipelineError) as caught,
        ):
            session.get("/q")
        thread.join()
    assert isinstance(caught.value, ConnectionFailedError)
    assert "Exec format error" not in str(caught.value)
