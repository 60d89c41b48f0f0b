"""A WebSocket on this machine: what goes over it, and how it ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.server import ServerConnection, serve

from data_pipeline.client.address import require_socket
from data_pipeline.client.line import Line, UnreachedError
from data_pipeline.exceptions import ConfigurationError, ConnectionFailedError

REAL = "ws://ops.koreainvestment.com:21000"


@contextmanager
def served(talk: Callable[[ServerConnection], object]) -> Iterator[str]:
    """Serve one conversation on a free port of this machine, and yield its address."""

    def handle(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            talk(connection)

    with serve(handle, "127.0.0.1", 0, ping_interval=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def opened(url: str) -> Line:
    """Return an open line."""
    return Line(require_socket("it", url, (), REAL), url)


def heard(line: Line, number: int = 1) -> list[str]:
    """Return so many texts."""
    found: list[str] = []
    while len(found) < number:
        found += line.receive(5)
    return found


def test_texts_go_both_ways_and_a_pong_carries_its_text():
    """The server hears what is sent, and a Pong control frame with the whole heartbeat."""
    pongs: list[Frame] = []

    def talk(connection):
        connection.send(f"you said {connection.recv()}")
        beat = '{"header":{"tr_id":"PINGPONG","datetime":"20261123093015"}}'
        seen = connection.protocol.receive_data

        def watch(data):
            seen(data)
            pongs.extend(event for event in connection.protocol.events if event.opcode is Opcode.PONG)

        connection.protocol.receive_data = watch
        connection.send(beat)
        assert connection.recv() == "done"
        connection.send("bye")

    with served(talk) as url:
        line = opened(url)
        line.send("hello")
        assert heard(line, 2) == ["you said hello", '{"header":{"tr_id":"PINGPONG","datetime":"20261123093015"}}']
        line.pong('{"header":{"tr_id":"PINGPONG","datetime":"20261123093015"}}')
        line.send("done")
        assert heard(line) == ["bye"]
        line.close()
    assert [bytes(pong.data) for pong in pongs] == [b'{"header":{"tr_id":"PINGPONG","datetime":"20261123093015"}}']


def test_many_texts_and_texts_in_parts_come_whole_and_in_order():
    """What one read of the socket brings may be many texts, or half of one."""

    def talk(connection):
        for number in range(500):
            connection.send(f"{number}|" + "x" * 5000)
        connection.send(iter(["in ", "three ", "parts"]))
        connection.recv()

    with served(talk) as url:
        line = opened(url)
        found = heard(line, 501)
        line.close()
    assert [text.split("|")[0] for text in found[:500]] == [str(number) for number in range(500)]
    assert found[500] == "in three parts"


def test_a_text_of_eight_megabytes_arrives_and_the_line_stays():
    """Whoever reads it may refuse it by name."""

    def talk(connection):
        connection.send("x" * 8_388_608)
        connection.send("next")
        connection.recv()

    with served(talk) as url:
        line = opened(url)
        assert [len(text) for text in heard(line, 2)] == [8_388_608, 4]
        line.close()


@pytest.mark.thorough
def test_what_is_not_received_slows_the_server_down():
    """Nothing reads ahead: the server stands still before fifty megabytes are gone."""
    sent = []

    def talk(connection):
        for _ in range(500):
            connection.send("x" * 100_000)
            sent.append(1)

    with served(talk) as url:
        line = opened(url)
        before = -1
        while len(sent) != before:  # until the server stands still
            before = len(sent)
            threading.Event().wait(0.2)
        assert before < 400
        assert len(heard(line, 500)) >= 500
        line.close()


@pytest.mark.parametrize(("code", "words"), [(1000, "code 1000"), (1011, "code 1011")])
def test_how_the_server_ended_it_is_said(code, words):
    """The close code stands in the message."""
    with served(lambda connection: connection.close(code)) as url:
        line = opened(url)
        with pytest.raises(ConnectionFailedError, match=words):
            heard(line)
        line.close()


def test_a_line_that_breaks_without_a_word_is_found():
    """A socket that is shut down without a close frame is down."""
    with served(lambda connection: connection.socket.shutdown(socket.SHUT_RDWR)) as url:
        line = opened(url)
        with pytest.raises(ConnectionFailedError):
            heard(line)
        line.close()


def test_a_line_that_is_cut_by_another_thread_ends_the_waiting():
    """Whoever waits for a text learns of it at once."""
    with served(lambda connection: connection.recv()) as url:
        line = opened(url)
        threading.Timer(0.1, line.cut).start()
        with pytest.raises(ConnectionFailedError):
            line.receive(300)
        line.close()


def test_nobody_there_is_told_from_a_refusal():
    """A port that nobody listens on reached nobody; a server of web pages did answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UnreachedError):
        opened(f"ws://127.0.0.1:{port}")

    def refuse(server):
        connection, _ = server.accept()
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=refuse, args=(server,))
        thread.start()
        with pytest.raises(ConnectionFailedError, match="403") as caught:
            opened(f"ws://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert not isinstance(caught.value, UnreachedError)


def test_no_proxy_hears_of_it(monkeypatch):
    """The usual variables lead nowhere, and the line is opened all the same."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "socks_proxy", "ws_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with served(lambda connection: connection.send("hello")) as url:
        line = opened(url)
        assert heard(line) == ["hello"]
        line.close()


@pytest.mark.parametrize(
    "url",
    [
        "ws://ops.koreainvestment.com.evil.example:21000", "ws://openapi.koreainvestment.com:9443",
        "ws://evil.example", "wss://evil.example", "ws://ops.koreainvestment.com@evil.example", "ws://10.0.0.1:21000",
        "http://ops.koreainvestment.com:21000", "ops.koreainvestment.com:21000", "ws://", "ws:///tryitout", "",
        "ws://127.1", "ws://[::2]", "ws://user:pw@127.0.0.1", "ws://127.0.0.1?to=evil", "ws://127.0.0.1:0",
    ],
)  # fmt: skip
def test_no_other_host_gets_an_approval_key(url):
    """The message names the setting and repeats nothing of the address."""
    with pytest.raises(ConfigurationError, match=r"^KIS_WEBSOCKET_URL ") as caught:
        require_socket("KIS_WEBSOCKET_URL", url, ("ops.koreainvestment.com",), REAL)
    assert "evil" not in str(caught.value)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (REAL, "ops.koreainvestment.com"), ("ws://127.0.0.1:8000/tryitout", "127.0.0.1"), ("ws://[::1]:80", "[::1]"),
        ("WS://localhost", "localhost"), ("ws://emulator:8000", "emulator"),
        ("wss://stream.example.org", "stream.example.org"),
    ],
)  # fmt: skip
def test_kis_this_machine_and_what_is_allowed_may_be_connected_to(url, host):
    """The vendor's own host alone travels without TLS beside them."""
    allowed = ("emulator:8000", "stream.example.org")
    assert require_socket("it", url, ("ops.koreainvestment.com",), REAL, allowed).host == host
