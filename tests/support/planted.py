"""The product with secrets planted in it: everything that holds one, and everything that fails while it holds one."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import requests

from data_pipeline.client.session import HttpSession
from data_pipeline.client.token import Token, TokenManager
from data_pipeline.client.token_seal import TokenSeal
from data_pipeline.coordination.file import FileStore
from data_pipeline.coordination.opening import open_store
from data_pipeline.hooks.kis import KISHook
from data_pipeline.hooks.krx import KRXHook
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.local.environment import official_connection
from data_pipeline.local.home import Home
from data_pipeline.local.stack import Stack, kis_connection
from data_pipeline.sources.kis.client import KisClient
from data_pipeline.sources.kis.endpoints import PRICE
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.krx.endpoints import STOCK_BARS
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.fields import connection_url
from data_pipeline.warehouse.locate import Warehouse
from tests.support.canaries import SECRETS
from tests.support.kis_answers import FakeKis, FakeTime, gateway

KEY, SECRET, TOKEN, KRX_KEY = (SECRETS[name] for name in ("app key", "app secret", "access token", "KRX key"))
CLOSED = "127.0.0.1:1"
"""Nobody listens at this port, which only root could open."""
FRIDAY = datetime(2026, 11, 20, 20, 30, tzinfo=ZoneInfo("Asia/Seoul"))
QUERY = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}


def url_of(role: str, place: str = CLOSED, more: str = "") -> str:
    """Return the address of a warehouse with this role's password in it."""
    return f"postgresql://market:{quote(SECRETS[role], safe='')}@{place}/market{more}"


_REDIS = quote(SECRETS["Redis's password"], safe="")
ENVIRON = {
    "KIS_APP_KEY": KEY,
    "KIS_APP_SECRET": SECRET,
    "KIS_APP_KEY_2": SECRETS["second app key"],
    "KIS_APP_SECRET_2": SECRETS["second app secret"],
    "KIS_ACCOUNT_NUMBER": SECRETS["account number"],
    "KIS_API_BASE_URL_REAL": f"http://{CLOSED}",
    "KIS_USE_VIRTUAL_SERVER": "false",
    "KRX_API_KEY": KRX_KEY,
    "KRX_API_BASE_URL": f"http://{CLOSED}",
    "MARKET_DB_URL": url_of("owner's password"),
    "MARKET_READER_URL": url_of("reader's password"),
    "COORDINATION_URL": f"redis://:{_REDIS}@{CLOSED}/0",
    "AIRFLOW__CORE__FERNET_KEY": SECRETS["Fernet key"],
}
"""Everything that the environment may know."""


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
GOOD = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 86400}


def kis_client(folder: Path, server: FakeKis, **more: Any) -> KisClient:
    """Return a client with every secret of KIS."""
    at = FakeTime(FRIDAY)
    more = {"rate_limit": 1000.0, "account_number": SECRETS["account number"], **more}
    settings = KisSettings(KEY, SECRET, **more)
    store = FileStore(folder / "state", clock=at.monotonic, sleep=at.sleep, boot_id="test")
    return KisClient(settings, store, server, at.now, at.sleep, lambda: at.now().timestamp())


def _kis(folder: Path, token: Any, price: Any) -> None:
    server = Echo()
    server.answer("tokenP", token)
    server.answer("inquire-price", price)
    kis_client(folder, server).call(PRICE, QUERY, "005930")


def krx_source(folder: Path, server: FakeKis) -> KRXDataSource:
    """Return a source with the key of KRX."""
    at = FakeTime(FRIDAY)
    store = FileStore(folder / "state", clock=at.monotonic, sleep=at.sleep, boot_id="test")
    settings = KrxSettings(KRX_KEY, base_url=f"http://{CLOSED}")
    return KRXDataSource(settings, store, server, clock=at.now, sleep=at.sleep)


def _krx(folder: Path, answer: Any) -> None:
    server = Echo()
    server.answer("stk_bydd_trd", answer)
    krx_source(folder, server).client.rows(STOCK_BARS[0], date(2026, 11, 19))


def _hook(hook: Any, kind: str, put: Callable[..., None], **fields: Any) -> Any:
    put(**{f"AIRFLOW_CONN_{hook.default_conn_name.upper()}": json.dumps({"conn_type": kind, **fields})})
    return hook()


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
    "nobody listens": f"redis://:{_REDIS}@{CLOSED}/0",
    "no database": f"redis://:{_REDIS}@{CLOSED}/x",
    "no port": f"redis://:{_REDIS}@127.0.0.1:port/0",
    "another scheme": f"http://:{_REDIS}@{CLOSED}/0",
    "a query": f"redis://:{_REDIS}@{CLOSED}/0?password={_REDIS}",
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
        yield f"KIS token: {name}", lambda answer=answer: _kis(own(), answer, {})
    for name, answer in bad_answers(*OWN, TOKEN).items():
        yield f"KIS call: {name}", lambda answer=answer: _kis(own(), GOOD, answer)
    for name, answer in bad_answers(KRX_KEY).items():
        yield f"KRX call: {name}", lambda answer=answer: _krx(own(), answer)
    yield from settings_failures()
    yield from place_failures(own)
    yield from hook_failures(put)


def settings_failures() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what is wrong with an environment."""
    for name, change in WRONG_SETTINGS.items():
        yield f"KIS settings: {name}", lambda change=change: KisSettings.from_env(ENVIRON | change)
        yield f"KIS connection of the stack: {name}", lambda change=change: kis_connection(ENVIRON | change)
    for name, change in WRONG_OF_KRX.items():
        yield f"KRX settings: {name}", lambda change=change: KrxSettings.from_env(ENVIRON | change)
        yield f"KRX connection of the stack: {name}", lambda change=change: official_connection(ENVIRON | change)


def place_failures(own: Callable[[], Path]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield addresses of stores and warehouses that lead nowhere."""
    for name, url in WRONG_STORES.items():
        yield f"store: {name}", lambda url=url: open_store(url, ENVIRON).update("k", lambda *_: None)
    yield (
        "store: a Fernet key with a dash",
        lambda: open_store(own().as_uri(), {"AIRFLOW__CORE__FERNET_KEY": f"-{SECRETS['Fernet key']}"}),
    )
    for name, url in WRONG_ADDRESSES.items():
        yield f"warehouse: {name}", lambda url=url: connect(url, environ=ENVIRON)
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
        "further pairs as text": {**pair, "extra": {"more_keys": f"{SECRETS['second app key']}:x"}},
        "an address of nobody": {**pair, "host": "https://evil.example", "extra": account},
        "an address with a password": {**pair, "host": f"https://{KEY}:{quote(SECRET)}@evil.example"},
    }
    for name, fields in of_kis.items():
        yield f"KIS hook: {name}", lambda fields=fields: _hook(KISHook, "kis", put, **fields).get_conn()
    of_krx = {
        "no key": {"extra": {}},
        "a blank": {"password": f"{KRX_KEY} x"},
        "a wrong limit": {"password": KRX_KEY, "extra": {"daily_limit": "many"}},
        "an address of nobody": {"password": KRX_KEY, "host": "https://evil.example"},
    }
    for name, fields in of_krx.items():
        yield f"KRX hook: {name}", lambda fields=fields: _hook(KRXHook, "krx", put, **fields).get_conn()
    owner = {"login": "u", "password": SECRETS["owner's password"]}
    of_warehouse: dict[str, dict[str, Any]] = {
        "nobody listens": {**owner, "host": "127.0.0.1", "port": 1, "schema": "market"},
        "no host": owner,
        "an unknown parameter": {**owner, "host": "h", "schema": "m", "extra": {"sslmod": "require"}},
        "a broken extra": {**owner, "host": "h", "schema": "m", "extra": "{"},
    }
    for name, fields in of_warehouse.items():
        yield (
            f"warehouse hook: {name}",
            lambda fields=fields: _hook(WarehouseHook, "postgres", put, **fields).get_conn(),
        )

    def unread() -> Any:
        put(AIRFLOW_CONN_KIS_DEFAULT=f"kis://{KEY}:{SECRET}@[host")
        return KISHook().get_conn()

    yield "KIS hook: a URI that cannot be read", unread


def objects(folder: Path, put: Callable[..., None]) -> dict[str, Any]:
    """Return everything that holds a secret and may be printed."""
    server = FakeKis()
    server.answer("tokenP", GOOD)
    client = kis_client(folder, server)
    settings = KisSettings.from_env(ENVIRON)
    krx = KrxSettings.from_env(ENVIRON)
    state = {"coordination_url": (folder / "shared").as_uri()}
    source = KISDataSource(KisSettings(KEY, SECRET, **state), clock=lambda: FRIDAY, adapter=server)
    key = client._keys[0]
    token = key.tokens.get()
    session = HttpSession(f"http://{CLOSED}", adapter=FakeKis())
    call = session.prepare("GET", "/x", headers=key.headers(PRICE, token))
    posted = session.prepare("POST", "/x", json={"appkey": KEY, "appsecret": SECRET}, headers={"a": "b"})
    urls = [url_of(f"{role}'s password") for role in ("owner", "loader", "reader")]
    warehouse = Warehouse(*urls)
    postgres = EmbeddedPostgres(folder / "postgres")
    connections = kis_connection(ENVIRON), official_connection(ENVIRON)
    home = Home(folder)
    stack = Stack(home, warehouse, url_of("Airflow's password"), connections[0], ENVIRON, connections[1])
    seal = TokenSeal("name", SECRET)
    pair = {"login": KEY, "password": SECRET}
    return {
        "settings of KIS": settings, "settings of KRX": krx, "client of KIS": client, "source of KIS": source,
        "source of KRX": krx_source(folder, server), "client of KRX": krx_source(folder, server).client,
        "a key of KIS": key, "its token manager": key.tokens, "its guard": key.guard(PRICE), "its limiter": key.limiter,
        "a token": Token(TOKEN, 1.0), "its text": token, "a seal": seal, "headers of a call": key.headers(PRICE, token),
        "a manager of its own": TokenManager(FileStore(folder / "other"), seal, lambda: Token(TOKEN, 1.0)),
        "a prepared call": call, "a prepared request for a token": posted, "an HTTP session": session,
        "the warehouse": warehouse, "an embedded Postgres": postgres, "its cluster": postgres.cluster,
        "a connection of KIS": connections[0], "a connection of KRX": connections[1], "a stack": stack, "a home": home,
        "a store in Redis": open_store(ENVIRON["COORDINATION_URL"], ENVIRON),
        "a store that waits": open_store(ENVIRON["COORDINATION_URL"], ENVIRON, wait=3.0),
        "a store in files": open_store(folder.as_uri(), ENVIRON),
        "hook of KIS": _hook(KISHook, "kis", put, **pair), "hook of KRX": _hook(KRXHook, "krx", put, password=KRX_KEY),
        "hook of the warehouse": _hook(
            WarehouseHook, "postgres", put, host="h", schema="m", password=SECRETS["owner's password"]
        ),
    }  # fmt: skip


def dead_port() -> int:
    """Return a port at which nobody listens."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
