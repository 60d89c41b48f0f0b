"""One HTTP call to one vendor: pooled, bounded in time and size, with errors that carry no secret."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, SupportsIndex
from urllib.parse import urlencode, urlsplit

import requests
from requests import exceptions as requests_exceptions
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from typing_extensions import Self
from urllib3 import exceptions as urllib3_exceptions
from urllib3.util import Timeout

from data_pipeline.client.address import Address, require_address
from data_pipeline.client.answer import no_service
from data_pipeline.client.whole_answer import WholeAnswerAdapter
from data_pipeline.exceptions import (
    ConfigurationError,
    ConnectionFailedError,
    DataPipelineError,
    InvalidRequestError,
    PayloadError,
    RequestTimeoutError,
)

# KIS drops connections of clients that do not look like a browser (Soju06/python-kis #62).
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36"
_WHAT = "a server's address"
_CONNECT_SECONDS = 10.0
_PIECE = 65_536
_MOST_CALLS = 64
_PLAIN_QUERY = re.compile("[A-Za-z0-9_.~=&-]*")
_TIMEOUTS = (requests_exceptions.Timeout, urllib3_exceptions.TimeoutError, TimeoutError)
_SHOWN_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "custtype", "tr_cont", "tr_id"}
    | {"user-agent"}
)


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A call that is ready to leave; it holds credentials, so its ``repr`` shows its address only."""

    request: requests.PreparedRequest = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    shown: CaseInsensitiveDict[str]
    """Its headers without what they hold of credentials."""
    what: str

    def __reduce_ex__(self, _: SupportsIndex) -> NoReturn:
        raise TypeError("a call is neither pickled nor copied: it holds credentials")


class HttpSession:
    """Sends calls to one server over a pool of kept connections; safe among threads.

    It follows no redirect, keeps no cookie, reads no ``.netrc`` and always verifies TLS. Proxies and CA bundles come
    from the usual environment variables, but nothing for this machine or without TLS goes through a proxy. It never
    repeats a call by itself. What it returns or raises holds neither request headers with credentials nor a request
    body.

    Args:
        base_url: ``https://host:port`` (or ``http://`` for a server on this machine or one that is allowed), without
            the path of a call.
        timeout: Seconds that a whole call may take: connecting (at most 10 for each of the server's addresses), sending
            and the answer to its last byte, however slowly it drips. Only looking up the server's name comes on top.
        pool: Connections kept open; more threads than that open further ones and drop them afterwards.
        adapter: The transport; None uses the network.
        max_bytes: The largest answer accepted, counted after decompression.
        allowed: Hosts that may be asked without TLS, as :func:`~data_pipeline.client.address.allowed_hosts` names them.

    Raises:
        ConfigurationError: ``base_url`` or ``timeout`` cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        timeout: float = 30.0,
        pool: int = 20,
        adapter: BaseAdapter | None = None,
        *,
        max_bytes: int = 64 * 1024 * 1024,
        allowed: Sequence[str] = (),
    ) -> None:
        self._address = require_address(_WHAT, base_url, allowed=allowed)
        self._base_url = base_url.rstrip("/")
        if not 0 < timeout < float("inf"):
            raise ConfigurationError(f"an HTTP timeout must be a number of seconds above 0, not {timeout!r}")
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._calls: dict[tuple[Any, ...], PreparedCall] = {}
        """Calls without a query, by address and headers: all but the query is the same for thousands of them."""
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        self._session.auth = _no_netrc
        self._transport = adapter or WholeAnswerAdapter(pool_connections=4, pool_maxsize=pool, max_retries=0)

    def get(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Return the answer to a GET of ``path`` below the base URL, whatever its status from 200 on except 3xx.

        Raises:
            RequestTimeoutError: No answer in time; trying again can help.
            ConnectionFailedError: No connection, or it broke; trying again can help.
            MaintenanceError: A redirect, which is not followed; trying again later can help.
            ConfigurationError: The server's certificate is not trusted, or ``REQUESTS_CA_BUNDLE`` names no file.
            PayloadError: The body is larger than accepted or cannot be decompressed.
            InvalidRequestError: The path or a header cannot be sent.
        """
        return self.send(self.prepare("GET", path, params=params, headers=headers))

    def prepare(self, method: str, path: str, **content: Any) -> PreparedCall:
        """Return a call that is ready to leave, so that nothing but the sending is left once its turn has come.

        Args:
            method: GET or POST.
            path: Below the base URL.
            content: ``params``, ``headers`` and ``json`` as ``requests`` takes them.

        Raises:
            InvalidRequestError: The path or a header cannot be sent.
        """
        return self._prepare(method, self._url(path), content, self._address)

    def send(self, call: PreparedCall) -> requests.Response:
        """Return the answer to a prepared call, which may be sent again; the errors are those of :meth:`get`."""
        outcome = self._exchange(call)
        # Raised out here, an error has no context: the one of requests would carry the request and its headers along.
        if isinstance(outcome, DataPipelineError):
            raise outcome
        if 300 <= outcome.status_code < 400:
            raise no_service(outcome, f"{call.what}: answered with a redirect, which is not followed,")
        return outcome

    def post(self, path: str, json: Any = None, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Return the answer to a POST of a JSON body; the errors are those of :meth:`get`."""
        return self.send(self.prepare("POST", path, json=json, headers=headers))

    def download(self, url: str) -> requests.Response:
        """Return the answer to a GET of any full URL, sent without credentials; the errors are those of :meth:`get`."""
        return self.send(self._prepare("GET", url, {}, require_address(_WHAT, url)))

    def close(self) -> None:
        """Close every connection; closing twice is safe."""
        self._session.close()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _url(self, path: str) -> str:
        if not path.startswith("/") or path.startswith("//"):
            raise InvalidRequestError(f"a path begins with one slash, not {path!r}")
        return self._base_url + path

    def _prepare(self, method: str, url: str, content: Mapping[str, Any], address: Address) -> PreparedCall:
        if "json" in content:
            return self._made(method, url, content, address)
        headers = content.get("headers") or {}
        known = (method, url, *headers.items())
        call = self._calls.get(known)
        if call is None:
            if len(self._calls) >= _MOST_CALLS:
                self._calls.clear()
            call = self._calls[known] = self._made(method, url, {"headers": headers}, address)
        request = copy(call.request)
        query = _query(content.get("params") or {})
        request.url = f"{request.url}?{query}" if query else request.url
        return PreparedCall(request, call.settings, call.shown, call.what)

    def _made(self, method: str, url: str, content: Mapping[str, Any], address: Address) -> PreparedCall:
        what = f"{method} {urlsplit(url)._replace(query='', fragment='').geturl()}"
        outcome: PreparedCall | DataPipelineError
        try:
            request = self._session.prepare_request(requests.Request(method, url, **content))
            settings = self._settings_of(url, address)
            untrusting = _untrusting(settings["verify"]) if address.scheme == "https" else None
            outcome = untrusting or PreparedCall(request, settings, _shown(request), what)
        except (OSError, ValueError) as error:
            outcome = _translated(error, what, self._timeout)
        if isinstance(outcome, DataPipelineError):
            raise outcome
        return outcome

    def _settings_of(self, url: str, address: Address) -> Mapping[str, Any]:
        settings = self._session.merge_environment_settings(url, {}, True, None, None)
        if address.is_loopback or address.scheme == "http":
            settings["proxies"] = {}  # which would hear the credentials
        return settings

    def _exchange(self, call: PreparedCall) -> requests.Response | DataPipelineError:
        # requests takes what urllib3 calls a timeout, which its types do not know.
        waits: Any = Timeout(total=self._timeout, connect=min(_CONNECT_SECONDS, self._timeout))
        try:
            with self._transport.send(copy(call.request), **call.settings, timeout=waits) as response:
                _hide_credentials(response, call.shown)
                return self._read(response, call.what) or response
        # Transports other than the network may raise plain OSError, which requests' own errors are too.
        except (OSError, ValueError, urllib3_exceptions.HTTPError) as error:
            return _translated(error, call.what, self._timeout)
        except BaseException as error:  # an interruption or a time limit of the task
            # The variables of the frames below hold the request's headers and body.
            error.__traceback__ = None
            raise

    def _read(self, response: requests.Response, what: str) -> DataPipelineError | None:
        pieces, size = [], 0
        for piece in response.iter_content(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > self._max_bytes:
                return PayloadError(f"{what}: the answer is larger than {self._max_bytes:,} bytes")
        response._content = pieces[0] if len(pieces) == 1 else b"".join(pieces)  # noqa: SLF001 - the one way to bound what requests reads
        return None


def _query(params: Mapping[str, str]) -> str:
    """Return what ``urlencode`` does, which most parameters need not go through: they are written as they are."""
    text = "&".join(map("=".join, params.items()))
    plain = _PLAIN_QUERY.fullmatch(text) and text.count("=") == len(params) == text.count("&") + 1
    return text if plain else urlencode(params)


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stand in for the authentication that requests would otherwise take out of ``.netrc``."""
    return request


def _untrusting(bundle: object) -> ConfigurationError | None:
    """Return the error of a CA bundle that is not there, which requests would take for a failed connection."""
    if not isinstance(bundle, str) or Path(bundle).exists():
        return None
    return ConfigurationError(f"REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) names {bundle}, which does not exist")


def _shown(request: requests.PreparedRequest) -> CaseInsensitiveDict[str]:
    sent = request.headers.items()
    return CaseInsensitiveDict((name, text if name.lower() in _SHOWN_HEADERS else "<hidden>") for name, text in sent)


def _hide_credentials(response: requests.Response, shown: CaseInsensitiveDict[str]) -> None:
    response.request.headers = shown
    response.request.body = None


def _translated(error: Exception, what: str, timeout: float) -> DataPipelineError:
    """Return our error for an error of requests; only types and system messages are taken from it, never its text."""
    cause = _root(error)
    # A timeout in the middle of a body reaches us as a ConnectionError of requests.
    if any(isinstance(each, _TIMEOUTS) for each in (error, cause)):
        return RequestTimeoutError(f"{what}: no complete answer within {timeout:g} s")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ConfigurationError(
            f"{what}: the TLS certificate is not trusted ({cause.verify_message}); where a proxy inspects TLS, "
            "REQUESTS_CA_BUNDLE must name a file with its CA's certificate"
        )
    if isinstance(error, requests_exceptions.ContentDecodingError):
        return PayloadError(f"{what}: the answer cannot be decompressed")
    if isinstance(error, ValueError):
        return InvalidRequestError(f"{what}: the URL or a header holds characters that cannot be sent")
    # TLS has numbers of its own, which mean something else to the system.
    number = cause.errno if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) else None
    detail = f" ({os.strerror(number)})" if isinstance(number, int) and number > 0 else ""
    return ConnectionFailedError(f"{what}: the connection failed: {type(cause).__name__}{detail}")


def _root(error: BaseException) -> BaseException:
    """Return the innermost error: urllib3 keeps it in ``reason``, requests and others among the arguments."""
    inner = (getattr(error, "reason", None), *error.args, error.__cause__)
    deeper = next((part for part in inner if isinstance(part, BaseException)), None)
    return error if deeper is None else _root(deeper)
