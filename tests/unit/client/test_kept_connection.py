"""A connection that is kept: plain answers come over it by a short way, all others as they always did."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from data_pipeline.client.session import HttpSession
from data_pipeline.exceptions import ConnectionFailedError, InvalidRequestError, PayloadError, RequestTimeoutError

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Fri, 20 Nov 2026 11:30:00 GMT\r\n"
FIRST = PLAIN + b"Content-Length: 2\r\n\r\n{}"
ZIPPED = gzip.compress(b"0123456789")


class Script:
    """A server that gives one answer after the other, over however many connections."""

    def __init__(self, *answers: list[bytes]) -> None:
        self.asked: list[bytes] = []
        self.connections = 0
        self._answers = [*answers]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while self._answers:
                peer, _ = self._listener.accept()
                self.connections += 1
                with peer, suppress(OSError):
                    self._talk(peer)

    def _talk(self, peer: socket.socket) -> None:
        while self._answers and (request := self._request(peer)):
            self.asked.append(request)
            for piece in self._answers.pop(0):
                if not piece:  # hangs up
                    return
                peer.sendall(piece)

    def _request(self, peer: socket.socket) -> bytes:
        held = b""
        while b"\r\n\r\n" not in held:
            piece = peer.recv(65_536)
            if not piece:
                return b""
            held += piece
        return held

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    """Starts servers that answer as they are told."""
    made: list[Script] = []

    def start(*answers: list[bytes]) -> Script:
        made.append(Script([FIRST], *answers))
        return made[-1]

    yield start
    for one in made:
        one.close()


def second(server: Script, **options: object) -> bytes:
    """Return the body of the second answer, which comes over the connection of the first."""
    with HttpSession(server.url, 5.0, **options) as session:  # type: ignore[arg-type]
        assert session.get("/first").content == b"{}"
        answer = session.get("/second", params={"A": "1 2", "B": "3"}, headers={"appkey": "hunter2", "tr_id": "T"})
        assert (answer.status_code, answer.request.headers["appkey"]) == (200, "<hidden>")
        return answer.content


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([PLAIN + b"Content-Length: 5\r\n\r\nwhole"], b"whole"),
        ([PLAIN + b"Content-Length: 5\r\n", b"\r\nin ", b"it"], b"in it"),
        ([PLAIN + b"Connection: keep-alive\r\nContent-Length: 0\r\n\r\n"], b""),
        ([PLAIN + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nparts\r\n0\r\n\r\n"], b"parts"),
        ([PLAIN + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED), ZIPPED], b"0123456789"),
        ([PLAIN + b"Set-Cookie: a=b\r\nContent-Length: 6\r\n\r\ncookie"], b"cookie"),
        ([PLAIN + b"X-Twice: 1\r\nX-Twice: 2\r\nContent-Length: 5\r\n\r\ntwice"], b"twice"),
        ([PLAIN + b"X-Folded: 1\r\n 2\r\nContent-Length: 6\r\n\r\nfolded"], b"folded"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN + b"Content-Length: 4\r\n\r\nlate"], b"late"),
        ([b"HTTP/1.0 200 OK\r\n\r\nuntil it hangs up", b""], b"until it hangs up"),
        ([b"HTTP/1.1 200 OK\nContent-Length: 4\n\nbare"], b"bare"),
        ([PLAIN + b"Connection: close\r\nContent-Length: 4\r\n\r\nlast", b""], b"last"),
    ],
    ids=["plain", "in pieces", "empty", "chunked", "zipped", "cookie", "twice", "folded", "continue", "until the end",
         "bare line ends", "last"],
)  # fmt: skip
def test_every_answer_comes_whole_over_a_kept_connection(script, pieces, body):
    """Whatever its head says, the body is the one that was sent, and one connection brought both answers."""
    server = script(pieces)
    assert second(server) == body
    assert server.connections == 1


def test_a_call_says_the_same_over_a_new_and_over_a_kept_connection(script):
    """Address and headers of two equal calls are equal, byte for byte."""
    server = script([FIRST], [FIRST])
    with HttpSession(server.url) as session:
        for _ in range(3):
            session.get("/q", params={"A": "1 2"}, headers={"tr_id": "FHKST01010100", "tr_cont": ""})
    first, *others = server.asked
    assert others == [first] * 2
    assert first.startswith(b"GET /q?A=1+2 HTTP/1.1\r\nHost: 127.0.0.1:")


def test_after_an_unusual_answer_the_connection_is_kept(script):
    """A chunked answer in the middle costs no new connection."""
    chunked = [PLAIN + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"]
    server = script(chunked, [FIRST], [FIRST])
    with HttpSession(server.url) as session:
        assert [session.get("/").content for _ in range(4)] == [b"{}", b"x", b"{}", b"{}"]
    assert server.connections == 1


def test_what_nobody_asked_for_is_not_the_next_answer(script):
    """A server that sends more than it said is asked the next time over a new connection."""
    server = script([PLAIN + b"Content-Length: 2\r\n\r\n{}" + FIRST], [PLAIN + b"Content-Length: 4\r\n\r\nnext"])
    with HttpSession(server.url) as session:
        assert [session.get("/").content for _ in range(3)] == [b"{}", b"{}", b"next"]
    assert server.connections == 2


@pytest.mark.parametrize("pieces", [[b""], [b"HTTP/1.1 2", b""], [PLAIN + b"Content-Length: 9\r\n\r\nhalf", b""]])
def test_an_answer_that_breaks_off_is_an_error_and_the_next_call_has_a_new_connection(script, pieces):
    """Nothing, half a status and half a body are no answers."""
    server = script(pieces, [FIRST])
    with HttpSession(server.url) as session:
        session.get("/")
        with pytest.raises(ConnectionFailedError):
            session.get("/")
        assert session.get("/").content == b"{}"
    assert server.connections == 2


@pytest.mark.thorough
def test_a_silent_server_times_out_over_a_kept_connection(script):
    """Half an answer, and then nothing."""
    server = script([PLAIN + b"Content-Length: 9\r\n\r\nhalf"], [FIRST])
    with HttpSession(server.url, 2.0) as session:
        session.get("/")
        with pytest.raises(RequestTimeoutError):
            session.get("/")


def test_an_answer_that_is_too_large_is_refused_over_a_kept_connection(script):
    """The limit is the session's."""
    with pytest.raises(PayloadError, match="larger than 4 bytes"):
        second(script([PLAIN + b"Content-Length: 5\r\n\r\n12345"]), max_bytes=4)


def test_a_line_end_in_a_header_is_refused_over_a_kept_connection(script):
    """A key with a line end never becomes a header of its own."""
    server = script()
    with HttpSession(server.url) as session:
        session.get("/")
        with pytest.raises(InvalidRequestError):
            session.get("/", headers={"appkey": "x\r\nother: y"})
    assert len(server.asked) == 1
