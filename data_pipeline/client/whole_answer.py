"""A transport that bounds an answer as a whole: status line, headers and body together, however slowly they drip.

A socket's own timeout begins anew with each byte. Here it is set, before each reading, to what is left of the time that
the socket had when the answer was first awaited. There is no thread.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from typing_extensions import Buffer
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ClosedPoolError
from urllib3.poolmanager import ProxyManager

from data_pipeline.client.kept_connection import KeptConnection

_MOST_ADDRESSES = 64


class _Remaining(io.RawIOBase):
    """Reads from a socket until its present timeout has passed, all readings together."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock, self._raw = sock, raw
        timeout = sock.gettimeout()
        self._until = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        if self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer was not complete in time")
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _WholeResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Remaining(sock, self.fp.detach()))


class _Connection(HTTPConnection):
    response_class = _WholeResponse


class _TlsConnection(HTTPSConnection):
    response_class = _WholeResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class WholeAnswerAdapter(HTTPAdapter):
    """The network, with answers that are whole within the timeout or end in a timeout."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._direct: dict[tuple[object, ...], tuple[HTTPConnectionPool, str]] = {}
        """The pool and the path of what is asked without a proxy, by all that says which connections may be used."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Return the answer to a request; to a plain one over a connection that is open already, if there is one."""
        begin, mark, query = (request.url or "").partition("?")
        known = (begin, options.get("verify"), options.get("cert"), *(options.get("proxies") or {}).items())
        seconds = getattr(options.get("timeout"), "total", None)
        if request.method != "GET" or request.body is not None or not isinstance(seconds, (int, float)):
            return super().send(request, *args, **options)
        kept = self._kept(known)
        if kept is not None:
            answer = kept.exchange(request, f"{self._direct[known][1]}{mark}{query}", seconds)
            return answer if isinstance(answer, Response) else self.build_response(request, answer)
        response = super().send(request, *args, **options)
        if not select_proxy(begin, options.get("proxies")) and len(self._direct) < _MOST_ADDRESSES:
            pool: Any = self.get_connection_with_tls_context(
                request, options.get("verify", True), cert=options.get("cert")
            )
            self._direct[known] = (pool, request.path_url.partition("?")[0])
        return response

    def _kept(self, known: tuple[object, ...]) -> KeptConnection | None:
        pool, _ = self._direct.get(known, (None, ""))
        if pool is None:
            return None
        try:
            connection: Any = pool._get_conn()  # noqa: SLF001 - the one way to see whether it is open
        except ClosedPoolError:
            del self._direct[known]
            return None
        if connection.sock is not None:
            return KeptConnection(pool, connection, _WholeResponse)
        pool._put_conn(connection)  # noqa: SLF001 - to be opened, and proved, by those whose work it is
        return None

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Let every direct connection be bounded."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Let every connection through an HTTP proxy be bounded, the proxy's own answer included."""
        manager = super().proxy_manager_for(proxy, **options)
        if isinstance(manager, ProxyManager) and not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager
