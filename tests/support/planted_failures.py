"""Everything that fails while it holds a secret, by name."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from data_pipeline.coordination.opening import open_store
from data_pipeline.hooks.kis import KISHook
from data_pipeline.hooks.krx import KRXHook
from data_pipeline.hooks.source import open_source
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.local.environment import official_connection
from data_pipeline.local.stack import kis_connection
from data_pipeline.sources.factory import create_data_source
from data_pipeline.sources.kis.endpoints import PRICE
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.endpoints import STOCK_BARS
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.fields import connection_url
from tests.support.canaries import SECRETS
from tests.support.kis_answers import FakeKis, gateway
from tests.support.planted import (
    CLOSED,
    ENVIRON,
    GOOD,
    KEY,
    KRX_KEY,
    QUERY,
    REDIS,
    SECRET,
    TOKEN,
    hook,
    kis_client,
    krx_source,
    url_of,
)


class Echo(FakeKis):
    """A server that repeats what it was sent, in a header too."""

    def send(self, request: requests.PreparedRequest, *more: Any, **options: Any) -> requests.Response:
        response = super().send(request, *more, **options)
        response.headers["X-Echo"] = str(dict(request.headers))
        response.headers["Location"] = f"https://evil.example/?appkey={KEY}&appsecret={quote(SECRET)}"
        return response


class InterruptedTaskError(BaseException):
    """What a time limit of a task raises, wherever it is at the moment."""


def bad_answers(*secrets: str) -> dict[str, Any]:
    """What a server may answer instead of data, repeating what it was sent."""
    own = " ".join(secrets)
    refused = {"rt_cd": "1", "msg_cd": "OPSQ0002", "msg1": own}
    escaped = json.dumps(refused).replace("/", "\\/").replace("+", "\\u002b").replace("=", "\\u003D")
    return {
        "a refusal that repeats": refused,
        "a refusal that repeats, escaped": escaped.encode(),
        "a refusal that repeats, as of a URL": {"rt_cd": "1", "msg_cd": "OPSQ0002", "msg1": quote(own, safe="")},
        "a gateway's refusal": (403, {"rt_cd": "1", "msg_cd": "EGW00103", "msg1": own}),
        "a page of the gateway": (502, f"<html>{own}</html>".encode()),
        "not JSON": f"{{{own}".encode(),
        "a list": json.dumps([own]).encode(),
        "too many calls": gateway("EGW00201"),
        "a refused token": (500, {"rt_cd": "1", "msg_cd": "EGW00123", "msg1": own}),
        "a redirect": (302, own.encode()),
        "a bad request": (400, own.encode()),
        "nothing": b"",
        "other bytes": b"\xff\xfe" + own.encode(),
        "an answer in time that never comes": requests.exceptions.ReadTimeout(own),
        "a broken connection": requests.exceptions.ConnectionError(own, request=None),
        "a broken transport": OSError(5, own),
        "a wrong header": requests.exceptions.InvalidHeader(own),
        "an interruption": InterruptedTaskError(),
    }


OWN = (KEY, SECRET, SECRETS["account number"])
"""What a client of KIS has, and so can recognise."""
BAD_TOKENS: dict[str, Any] = {
    **bad_answers(*OWN),
    "a token that ends at noon": {"access_token": TOKEN, "expires_in": 86400, "access_token_token_expired": "noon"},
    "a token without an end": {"access_token": TOKEN},
    "a token with a blank": {"access_token": f"{TOKEN} x", "expires_in": 86400},
    "a token that is a number": {"access_token": 5, "expires_in": 86400},
    "a token that has ended": {"access_token": TOKEN, "expires_in": 1, "access_token_token_expired": " ".join(OWN)},
    "a token of another": (403, {"error_code": "EGW00133", "error_description": " ".join(OWN)}),
}


def _kis(folder: Path, token: Any, price: Any) -> None:
    server = Echo()
    server.answer("tokenP", token)
    server.answer("inquire-price", price)
    kis_client(folder, server).call(PRICE, QUERY, "005930")


def _krx(folder: Path, answer: Any) -> None:
    server = Echo()
    server.answer("stk_bydd_trd", answer)
    krx_source(folder, server).client.rows(STOCK_BARS[0], date(2026, 11, 19))


WRONG_SETTINGS: dict[str, dict[str, str]] = {
    "key and secret swapped": {"KIS_APP_KEY": SECRET, "KIS_APP_SECRET": KEY},
    "quotes around a key": {"KIS_APP_KEY": f'"{KEY}"'},
    "a blank in a secret": {"KIS_APP_SECRET": f"{SECRET} {SECRET}"},
    "a letter that no header holds": {"KIS_APP_SECRET": f"{SECRET}각"},
    "half a pair": {"KIS_APP_SECRET_2": ""},
    "one key twice": {"KIS_APP_KEY_2": KEY},
    "no secret": {"KIS_APP_SECRET": ""},
    "an address with a password": {"KIS_API_BASE_URL_REAL": f"https://{KEY}:{quote(SECRET)}@evil.example"},
    "an address of nobody": {"KIS_API_BASE_URL_REAL": "https://evil.example"},
    "a rate that is a secret": {"KIS_API_RATE_LIMIT": "many"},
    "an unknown variable": {"KIS_APP_SECRT": SECRET},
    "a virtual server that is none": {"KIS_USE_VIRTUAL_SERVER": "perhaps"},
}
WRONG_OF_KRX: dict[str, dict[str, str]] = {
    "quotes around a key": {"KRX_API_KEY": f"'{KRX_KEY}'"},
    "a blank in a key": {"KRX_API_KEY": f"{KRX_KEY} {KRX_KEY}"},
    "an address with a password": {"KRX_API_BASE_URL": f"https://{KRX_KEY}@evil.example"},
    "an address of nobody": {"KRX_API_BASE_URL": "https://evil.example"},
    "a limit that is none": {"KRX_API_DAILY_LIMIT": "many"},
    "an unknown variable": {"KRX_API_KEI": KRX_KEY},
}
WRONG_STORES = {
    "nobody listens": f"redis://:{REDIS}@{CLOSED}/0",
    "no database": f"redis://:{REDIS}@{CLOSED}/x",
    "no port": f"redis://:{REDIS}@127.0.0.1:port/0",
    "another scheme": f"http://:{REDIS}@{CLOSED}/0",
    "a query": f"redis://:{REDIS}@{CLOSED}/0?password={REDIS}",
}
_TLS = quote(SECRETS["TLS key's password"], safe="")
WRONG_ADDRESSES = {
    "nobody listens": url_of("owner's password"),
    "no port": url_of("loader's password", "127.0.0.1:port"),
    "half a bracket": url_of("reader's password", "[::1"),
    "an unknown parameter": url_of("owner's password", more="?nonsense=1"),
    "another scheme": url_of("owner's password").replace("postgresql", "mysql"),
    "only a password": SECRETS["owner's password"],
    "a blank": url_of("owner's password", "127.0.0.1:1 "),
    "a key that is not there": url_of("owner's password", more=f"?sslkey=/nowhere&sslcert=/nowhere&sslpassword={_TLS}"),
}


def failures(folder: Path, put: Callable[..., None]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what fails, with its name; each is done in a folder of its own."""
    number = 0

    def own() -> Path:
        nonlocal number
        number += 1
        path = folder / str(number)
        path.mkdir()
        return path

    for name, answer in BAD_TOKENS.items():
        yield f"KIS token: {name}", partial(_kis, own(), answer, {})
    for name, answer in bad_answers(*OWN, TOKEN).items():
        yield f"KIS call: {name}", partial(_kis, own(), GOOD, answer)
    for name, answer in bad_answers(KRX_KEY).items():
        yield f"KRX call: {name}", partial(_krx, own(), answer)
    yield "KIS call: an interruption while TCP waits", partial(_cut_kis, own())
    yield "KRX call: an interruption while TCP waits", partial(_cut_krx, own())
    yield "store: an interruption while TCP waits", _cut_store
    yield from settings_failures()
    yield from place_failures(own)
    yield from hook_failures(put)


def _use_store(url: str) -> None:
    open_store(url, ENVIRON).update("k", lambda *_: None)


def _ask(kind: Any, conn_type: str, put: Callable[..., None], fields: dict[str, Any]) -> Any:
    return hook(kind, conn_type, put, **fields).get_conn()


def _open(kind: Any, conn_type: str, put: Callable[..., None], fields: dict[str, Any]) -> Any:
    hook(kind, conn_type, put, **fields)
    return open_source(kind.default_conn_name)


@contextmanager
def interrupting(until: bytes) -> Iterator[str]:
    """Yield the address of a server that answers nothing, and interrupts this thread once it has read something.

    The interruption comes as a task's time limit does: out of a signal's handler, in the middle of a read.

    Args:
        until: What it has to have read, so that the caller is past sending it.
    """

    def interrupt(*_: Any) -> None:
        raise InterruptedTaskError

    def listen() -> None:
        with listening.accept()[0] as caller:
            heard = b""
            while until not in heard:
                heard += caller.recv(65_536)
            signal.pthread_kill(here, signal.SIGUSR1)
            done.wait()

    here, done = threading.get_ident(), threading.Event()
    before = signal.signal(signal.SIGUSR1, interrupt)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)  # only a fault of this test waits so long
        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            done.set()
            listener.join()
            signal.signal(signal.SIGUSR1, before)


def _cut_kis(folder: Path) -> None:
    with interrupting(SECRET.encode()) as place:
        client = kis_client(folder, None, base_url=f"http://{place}")
        with closing(client):
            client.call(PRICE, QUERY, "005930")


def _cut_krx(folder: Path) -> None:
    with interrupting(KRX_KEY.encode()) as place, krx_source(folder, None, f"http://{place}") as source:
        source.client.rows(STOCK_BARS[0], date(2026, 11, 19))


def _cut_store() -> None:
    with interrupting(SECRETS["Redis's password"].encode()) as place:
        open_store(f"redis://:{REDIS}@{place}/0", ENVIRON).update("k", lambda *_: None)


def settings_failures() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what is wrong with an environment, or with settings that a program makes itself."""
    account = SECRETS["account number"]
    yield "settings of KIS by hand", partial(KisSettings, KEY, SECRET, "nowhere", account_number=account)
    yield "settings of KRX by hand", partial(KrxSettings, KRX_KEY, "nowhere")
    for name, change in WRONG_SETTINGS.items():
        yield f"source by its name, KIS: {name}", partial(create_data_source, "kis", ENVIRON | change)
        yield f"KIS settings: {name}", partial(KisSettings.from_env, ENVIRON | change)
        yield f"KIS connection of the stack: {name}", partial(kis_connection, ENVIRON | change)
    for name, change in WRONG_OF_KRX.items():
        yield f"source by its name, KRX: {name}", partial(create_data_source, "krx", ENVIRON | change)
        yield f"KRX settings: {name}", partial(KrxSettings.from_env, ENVIRON | change)
        yield f"KRX connection of the stack: {name}", partial(official_connection, ENVIRON | change)


def place_failures(own: Callable[[], Path]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield addresses of stores and warehouses that lead nowhere."""
    for name, url in WRONG_STORES.items():
        yield f"store: {name}", partial(_use_store, url)
    yield (
        "store: a Fernet key with a dash",
        lambda: open_store(own().as_uri(), {"AIRFLOW__CORE__FERNET_KEY": f"-{SECRETS['Fernet key']}"}),
    )
    for name, url in WRONG_ADDRESSES.items():
        yield f"warehouse: {name}", partial(connect, url, environ=ENVIRON)
    yield (
        "warehouse: an unknown parameter of a connection",
        lambda: connection_url(
            {"host": "h", "schema": "m", "login": "u", "password": SECRETS["owner's password"]},
            {"sslmod": "require"},
            "c",
        ),
    )


def hook_failures(put: Callable[..., None]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what is wrong with Airflow's connections."""
    pair = {"login": KEY, "password": SECRET}
    account = {"account_number": SECRETS["account number"]}
    more = {SECRETS["second app key"]: SECRETS["second app secret"]}
    of_kis: dict[str, dict[str, Any]] = {
        "no login": {"login": "", "password": SECRET},
        "no password": {"login": KEY},
        "swapped": {"login": SECRET, "password": KEY},
        "a wrong rate": {**pair, "extra": {"rate_limit": "many", **account, "more_keys": more}},
        "an unknown field": {**pair, "extra": {"rate": 1, **account, "more_keys": more}},
        "half a further pair": {**pair, "extra": {**account, "more_keys": {SECRETS["second app key"]: ""}}},
        "a further pair beside its place": {**pair, "extra": {**account, **more}},
        "a broken extra": {**pair, "extra": f"{{{SECRETS['account number']}"},
        "further pairs as text": {**pair, "extra": {"more_keys": f"{SECRETS['second app key']}:x"}},
        "an address of nobody": {**pair, "host": "https://evil.example", "extra": account},
        "an address with a password": {**pair, "host": f"https://{KEY}:{quote(SECRET)}@evil.example"},
    }
    for name, fields in of_kis.items():
        yield f"KIS hook: {name}", partial(_ask, KISHook, "kis", put, fields)
        yield f"KIS source of a connection: {name}", partial(_open, KISHook, "kis", put, fields)
    of_krx: dict[str, dict[str, Any]] = {
        "no key": {"extra": {}},
        "a key beside its place": {"extra": {"api_key": KRX_KEY}},
        "a blank": {"password": f"{KRX_KEY} x"},
        "a wrong limit": {"password": KRX_KEY, "extra": {"daily_limit": "many"}},
        "an address of nobody": {"password": KRX_KEY, "host": "https://evil.example"},
    }
    for name, fields in of_krx.items():
        yield f"KRX hook: {name}", partial(_ask, KRXHook, "krx", put, fields)
        yield f"KRX source of a connection: {name}", partial(_open, KRXHook, "krx", put, fields)
    owner = {"login": "u", "password": SECRETS["owner's password"]}
    in_extra = {"sslpassword": SECRETS["TLS key's password"], "pasword": SECRETS["owner's password"]}
    of_warehouse: dict[str, dict[str, Any]] = {
        "nobody listens": {**owner, "host": "127.0.0.1", "port": 1, "schema": "market"},
        "no host": owner,
        "an unknown parameter": {**owner, "host": "h", "schema": "m", "extra": {"sslmod": "require"}},
        "secrets in its extra": {**owner, "host": "h", "schema": "m", "extra": in_extra},
        "a broken extra": {**owner, "host": "h", "schema": "m", "extra": "{"},
    }
    for name, fields in of_warehouse.items():
        yield (
            f"warehouse hook: {name}",
            partial(_ask, WarehouseHook, "postgres", put, fields),
        )

    def unread() -> Any:
        put(AIRFLOW_CONN_KIS_DEFAULT=f"kis://{KEY}:{SECRET}@[host")
        return KISHook().get_conn()

    yield "KIS hook: a URI that cannot be read", unread
