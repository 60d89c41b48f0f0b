"""The settings of the vendors: where they are, with which key they are asked, and how often."""

from __future__ import annotations

from typing import Any

from data_pipeline.settings.setting import Kind, Setting

KIS = "KIS (Korea Investment & Securities)"
KRX = "KRX (Korea Exchange Open API)"
_SECOND = {"kind": Kind.NUMBER, "above": 0.0}


def _kis(name: str, text: str, **more: Any) -> Setting:
    return Setting(name, text, KIS, connection="kis" if "field" in more else "", **more)


def _krx(name: str, text: str, **more: Any) -> Setting:
    return Setting(name, text, KRX, connection="krx" if "field" in more else "", **more)


def _cache(name: str, what: str, seconds: str) -> Setting:
    return _kis(
        f"KIS_CACHE_TTL_{name}",
        f"Seconds that the interactive `get_{what}` may repeat an answer, for example {seconds}; loading never does.",
        kind=Kind.NUMBER, least=0.0, empty="off", shown=False,
    )  # fmt: skip


KIS_SETTINGS = (
    _kis(
        "KIS_APP_KEY", "The app key (앱키) of KIS Developers, 36 characters.", secret=True, field="login",
        empty="no credentials",
    ),
    _kis("KIS_APP_SECRET", "Its secret, 180 characters.", secret=True, field="password", empty="no credentials"),
    _kis(
        "KIS_APP_KEY_2",
        "A further app key of the same server; then `_3` and so on (with `docker compose` to `_5`), each with its "
        "secret. Work spreads over all keys and their budgets add up.",
        secret=True, numbered=True, field="more_keys", label="More app keys", empty="one key",
    ),
    _kis("KIS_APP_SECRET_2", "Its secret.", secret=True, numbered=True, field="more_keys", empty="one key"),
    _kis(
        "KIS_ACCOUNT_NUMBER", "Only needed for trading, which this package does not do; never sent.", secret=True,
        field="account_number", label="Account number", empty="none",
    ),
    _kis(
        "KIS_USE_VIRTUAL_SERVER",
        "Which of the two servers the app key belongs to: true is virtual trading (모의투자), false is real trading "
        "(실전투자).",
        kind=Kind.FLAG, default="true", field="use_virtual_server",
    ),
    _kis(
        "KIS_API_BASE_URL_REAL",
        "Where the real server is: KIS's own host over `https://`, this machine, or a host that `KIS_ALLOWED_HOSTS` "
        "names; all but KIS's own make every row `kis-sandbox`. A host, a port and a plain path, and nothing else.",
        kind=Kind.ADDRESS, default="https://openapi.koreainvestment.com:9443",
        field="base_url_real",
    ),
    _kis(
        "KIS_API_BASE_URL_VIRTUAL", "Where the virtual server is; written like the address above.",
        kind=Kind.ADDRESS, default="https://openapivts.koreainvestment.com:29443", field="base_url_virtual",
    ),
    _kis(
        "KIS_MASTER_BASE_URL", "Where the stock master files (종목 마스터) are; written like the addresses above.",
        kind=Kind.ADDRESS, empty="KIS's own; beside another address than KIS's that one",
        shown=False, default="https://new.real.download.dws.co.kr", field="master_url",
        label="Stock master address",
    ),
    _kis(
        "KIS_WEBSOCKET_URL",
        "Where the live stream is: KIS's own `ws://` host, this machine, or a host that `KIS_ALLOWED_HOSTS` names; "
        "another one than KIS's own makes every row `kis-sandbox`.",
        kind=Kind.ADDRESS, empty="KIS's own; beside another address than KIS's that one, over `ws://` or `wss://`",
        shown=False,
    ),
    _kis(
        "KIS_WEBSOCKET_LIMIT",
        "Registrations that one app key takes on the live stream; a refusal lowers it by itself.",
        kind=Kind.WHOLE, least=1.0, most=1000.0, default="41", shown=False,
    ),
    _kis(
        "KIS_ALLOWED_HOSTS",
        "Hosts beside the vendors' own and this machine to which keys of KIS and KRX may go, separated by commas, each "
        "with or without its port: `emulator:8000,kis.example.org`. They may be asked over `http://` too. Airflow's "
        "tasks read it from their process, never from a connection.",
        empty="none",
    ),
    _kis(
        "KIS_API_RATE_LIMIT", "Calls a second of one app key, for all processes together.", **_SECOND,
        empty="what KIS allows: 18 real, 1 virtual", field="rate_limit", label="Calls per second",
    ),
    _kis(
        "KIS_API_RATE_LIMIT_PER_MINUTE", "Calls of one app key in any 60 seconds, for all processes together.",
        **_SECOND, empty="no such limit", field="rate_limit_per_minute", label="Calls per minute",
    ),
    _kis(
        "KIS_API_LEDGER_RATE_LIMIT", "Ledger calls (원장) a second of one app key, which KIS counts apart.", **_SECOND,
        empty="as the calls per second", field="ledger_rate_limit", label="Ledger calls per second",
    ),
    _kis(
        "KIS_API_QUEUE_TIMEOUT", "Seconds that a call may wait for its slot.", **_SECOND, default="30",
        field="queue_timeout", label="Queue timeout (s)",
    ),
    _kis(
        "KIS_API_CIRCUIT_BREAKER_THRESHOLD", "Server failures in a row after which calls are rejected.",
        kind=Kind.WHOLE, least=1.0, default="5", field="breaker_threshold", label="Breaker threshold",
    ),
    _kis(
        "KIS_API_CIRCUIT_BREAKER_TIMEOUT", "Seconds that calls are rejected before one is let through as a trial.",
        **_SECOND, default="60", field="breaker_timeout", label="Breaker timeout (s)",
    ),
    _cache("PRICE", "current_price", "1800"),
    _cache("ORDERBOOK", "order_book", "10"),
    _cache("CHART", "chart_data", "3600"),
    _cache("STOCK_INFO", "stock_info", "86400"),
    _kis(
        "KIS_BARS_INCLUDE_AFTER_MARKET",
        "Whether KIS's daily bars hold the after-market (시간외, 16:00 to 20:00).",
        choices=("true", "false"), empty="not known yet", variable=True,
    ),
)  # fmt: skip

KRX_SETTINGS = (
    _krx(
        "KRX_API_KEY",
        "The key (인증키) of openapi.krx.co.kr: 40 characters, good for a year, and every service is applied for "
        "there. With it the exchange's own bars replace KIS's each morning, and backfills take its whole market days "
        "where that is cheaper.",
        secret=True, field="password", empty="no official bars",
    ),
    _krx(
        "KRX_API_BASE_URL",
        "Where it is. Another host, which must be this machine or named in `KIS_ALLOWED_HOSTS`, "
        "makes every row `krx-sandbox`; written like the addresses of KIS.",
        kind=Kind.ADDRESS, default="https://data-dbg.krx.co.kr", field="base_url",
    ),
    _krx(
        "KRX_API_DAILY_LIMIT", "Calls of the key from 00:00 to 24:00 in Seoul, for all processes together.",
        kind=Kind.WHOLE, least=1.0, most=999_999_999.0, default="10000", field="daily_limit", label="Calls per day",
    ),
)  # fmt: skip
