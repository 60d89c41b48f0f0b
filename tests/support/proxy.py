"""A TCP proxy before Postgres that cuts connections where a test says."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Lock, Thread
from urllib.parse import urlsplit, urlunsplit

import pytest


class Proxy:
    """Forwards to a server until a byte or a word; from then on the connection is dead.

    ``cut(up=n)`` lets n more bytes through towards the server, ``cut(down=n)`` towards the client, whichever comes
    first. ``cut(after=word)`` lets what the client sends through up to and with this word, and no answer to it;
    ``cut(before=word)`` holds the word back; both look from the word ``once`` on. A cut is used up by one connection.
    """

    def __init__(self, host, port, listener=None):
        self.upstream = (host, port)
        self.silent = Event()
        self.sent = {"up": 0, "down": 0}
        self.cuts = 0
        self._lock = Lock()
        self._left = {}
        self._words = {}
        self._once = b""
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self._acceptor = Thread(target=self._accept)
        self._acceptor.start()

    def url(self, url):
        parts = urlsplit(url)
        credentials = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{credentials}@127.0.0.1:{self._listener.getsockname()[1]}"))

    def cut(self, up=None, down=None, before=None, after=None, once=b""):
        self._left = {way: left for way, left in (("up", up), ("down", down)) if left is not None}
        self._words = {where: word for where, word in (("before", before), ("after", after)) if word is not None}
        self._once = once

    def silence(self):
        """Take every connection from now on, and let nothing through any more, in either direction."""
        self.silent.set()

    def refuse(self):
        """Take no further connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.refuse()
        self._acceptor.join()
        self._listener.close()

    def _accept(self):
        with suppress(OSError), ThreadPoolExecutor() as pumps:
            while True:
                client, _ = self._listener.accept()
                pumps.submit(self._serve, client, pumps)

    def _serve(self, client, pumps):
        with client, socket.create_connection(self.upstream) as server:
            for one in (client, server):
                if one.family == socket.AF_UNIX:
                    continue
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            down = pumps.submit(self._pump, "down", server, client)
            self._pump("up", client, server)
            down.result()

    def _pump(self, way, source, target):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                passed, cut = self._passed(way, data)
                self.sent[way] += len(passed)
                if self.silent.is_set():
                    continue
                if cut:
                    # The client is cut off first, so that no answer reaches it.
                    (source if way == "up" else target).shutdown(socket.SHUT_RDWR)
                with suppress(OSError):
                    target.sendall(passed)
                if cut:
                    break
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _passed(self, way, data):
        """Return how much of this goes through, and whether the connection ends with it."""
        with self._lock:
            if way == "up" and self._once in data:
                self._once = b""
            for where, word in self._words.items():
                if way == "up" and not self._once and word in data:
                    end = data.index(word) + (len(word) + 1 if where == "after" else 0)
                    return data[:end], self._spend()
            if way not in self._left:
                return data, False
            if len(data) < self._left[way]:
                self._left[way] -= len(data)
                return data, False
            return data[: self._left[way]], self._spend()

    def _spend(self):
        self._left, self._words = {}, {}
        self.cuts += 1
        return True


@pytest.fixture
def proxy(server):
    """A proxy before the server of the tests."""
    parts = urlsplit(server.url())
    proxy = Proxy(parts.hostname, parts.port)
    yield proxy
    proxy.close()
