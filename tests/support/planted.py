"""The product with secrets planted in it: everything that holds one, and everything that fails while it holds one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

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
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.locate import Warehouse
from tests.support.canaries import SECRETS
from tests.support.kis_answers import FakeKis, FakeTime

KEY, SECRET, TOKEN, KRX_KEY = (SECRETS[name] for name in ("app key", "app secret", "access token", "KRX key"))
CLOSED = "127.0.0.1:1"
"""Nobody listens at this port, which only root could open."""
FRIDAY = datetime(2026, 11, 20, 20, 30, tzinfo=ZoneInfo("Asia/Seoul"))
QUERY = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}


def url_of(role: str, place: str = CLOSED, more: str = "") -> str:
    """Return the address of a warehouse with this role's password in it."""
    return f"postgresql://market:{quote(SECRETS[role], safe='')}@{place}/market{more}"


REDIS = quote(SECRETS["Redis's password"], safe="")
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
    "COORDINATION_URL": f"redis://:{REDIS}@{CLOSED}/0",
    "AIRFLOW__CORE__FERNET_KEY": SECRETS["Fernet key"],
}
"""Everything that the environment may know."""


GOOD = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 86400}


def kis_client(folder: Path, server: FakeKis | None, **more: Any) -> KisClient:
    """Return a client with every secret of KIS; without a server it asks the network."""
    at = FakeTime(FRIDAY)
    more = {"rate_limit": 1000.0, "account_number": SECRETS["account number"], **more}
    settings = KisSettings(KEY, SECRET, **more)
    store = FileStore(folder / "state", clock=at.monotonic, sleep=at.sleep, boot_id="test")
    return KisClient(settings, store, server, at.now, at.sleep, lambda: at.now().timestamp())


def krx_source(folder: Path, server: FakeKis | None, base_url: str = f"http://{CLOSED}") -> KRXDataSource:
    """Return a source with the key of KRX; without a server it asks the network."""
    at = FakeTime(FRIDAY)
    store = FileStore(folder / "state", clock=at.monotonic, sleep=at.sleep, boot_id="test")
    settings = KrxSettings(KRX_KEY, base_url=base_url)
    return KRXDataSource(settings, store, server, clock=at.now, sleep=at.sleep)


def hook(of: Any, kind: str, put: Callable[..., None], **fields: Any) -> Any:
    """Return a hook whose connection, with these fields, stands in the environment."""
    put(**{f"AIRFLOW_CONN_{of.default_conn_name.upper()}": json.dumps({"conn_type": kind, **fields})})
    return of()


def objects(folder: Path, put: Callable[..., None]) -> dict[str, Any]:
    """Return everything that holds a secret and may be printed."""
    server = FakeKis()
    server.answer("tokenP", GOOD)
    client = kis_client(folder, server)
    settings = KisSettings.from_env(ENVIRON)
    krx = KrxSettings.from_env(ENVIRON)
    source = KISDataSource(
        KisSettings(KEY, SECRET, coordination_url=(folder / "shared").as_uri()), clock=lambda: FRIDAY, adapter=server
    )
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
        "hook of KIS": hook(KISHook, "kis", put, **pair), "hook of KRX": hook(KRXHook, "krx", put, password=KRX_KEY),
        "hook of the warehouse": hook(
            WarehouseHook, "postgres", put, host="h", schema="m", password=SECRETS["owner's password"]
        ),
    }  # fmt: skip
