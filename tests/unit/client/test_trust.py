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


@pytest.fixture
def inspecting_proxy(tmp_path: Path) -> Iterator[str]:
    """A proxy that takes one call for ``kis.test`` and answers it itself, with a certificate of its own CA."""
    context = server_context(tmp_path, "kis.test")

    def inspect() -> None:
        peer = listener.accept()[0]
        assert peer.recv(65536).startswith(b"CONNECT kis.test:443 HTTP/1")
        peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with suppress(OSError), context.wrap_socket(peer, server_side=True) as inside:
            inside.recv(65536)
            inside.sendall(ANSWER)
        peer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        thread = threading.Thread(target=inspect)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("known", [True, False])
def test_a_proxy_that_inspects_tls(inspecting_proxy: str, environment: Any, tmp_path: Path, known: bool) -> None:
    """With its CA in the bundle the answer comes through it; without, the error says what to do, at once."""
    environment(HTTPS_PROXY=inspecting_proxy, NO_PROXY="")
    if known:
        environment(REQUESTS_CA_BUNDLE=str(tmp_path / "ca.pem"))
    with HttpSession("https://kis.test") as session:
        if known:
            assert session.get("/q").json() == {}
        else:
            with pytest.raises(ConfigurationError, match="REQUESTS_CA_BUNDLE must name a file"):
                session.get("/q")


def test_a_bundle_plays_no_part_without_tls(environment: Any) -> None:
    """The emulator on this machine is reached whatever the bundle's path says."""
    environment(REQUESTS_CA_BUNDLE="/nothing.pem")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with HttpSession(f"http://127.0.0.1:{port}") as session, pytest.raises(ConnectionFailedError):
        session.get("/q")


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
