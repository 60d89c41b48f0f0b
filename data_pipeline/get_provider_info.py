"""What this package tells Airflow about itself: its connection types and their forms."""

from __future__ import annotations

from typing import Any

SECRET = {"type": ["string", "null"], "format": "password"}


def _field(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": schema}


KIS_FIELDS: dict[str, Any] = {
    "environment": _field(
        "Server",
        "Which of the two servers the app key belongs to: real trading (실전투자) or virtual trading (모의투자).",
        type="string",
        enum=["real", "virtual"],
        default="real",
    ),
    "account_number": {
        "label": "Account number",
        "description": "Only needed for trading, which this package does not do; kept secret when given.",
        "schema": SECRET,
    },
    "rate_limit": _field(
        "Calls per second",
        "The budget of one app key, shared by every process. Empty: what KIS allows on the chosen server.",
        type=["number", "null"],
    ),
    "rate_limit_per_minute": _field(
        "Calls per minute", "A second budget of one app key, in any 60 seconds. Empty: none.", type=["number", "null"]
    ),
    "ledger_rate_limit": _field(
        "Ledger calls per second",
        "The budget of one app key for ledger calls (원장), which KIS counts apart. Empty: as the calls per second.",
        type=["number", "null"],
    ),
    "more_keys": {
        "label": "More app keys",
        "description": 'Work spreads over all keys and their budgets add up. JSON: {"app key": "app secret"}.',
        "schema": SECRET,
    },
    "queue_timeout": _field(
        "Queue timeout (s)", "How long a call may wait for a slot of the budget. Empty: 30.", type=["number", "null"]
    ),
    "breaker_threshold": _field(
        "Breaker threshold",
        "Server failures in a row after which calls are rejected. Empty: 5.",
        type=["integer", "null"],
    ),
    "breaker_timeout": _field(
        "Breaker timeout (s)",
        "How long calls are rejected before one is let through as a trial. Empty: 60.",
        type=["number", "null"],
    ),
    "master_url": _field(
        "Stock master address", "Where the stock master files lie. Empty: KIS's own.", type=["string", "null"]
    ),
}

KRX_FIELDS: dict[str, Any] = {
    "environment": _field(
        "Server",
        "The exchange itself, or a sandbox at the address below.",
        type="string",
        enum=["real", "sandbox"],
        default="real",
    ),
    "daily_limit": _field(
        "Calls per day",
        "The budget of the key from 00:00 to 24:00 in Seoul, shared by every process. Empty: 10,000.",
        type=["integer", "null"],
    ),
}

MOCK_FIELDS: dict[str, Any] = {
    "seed": _field("Seed", "Another seed is another market. Empty: the usual one.", type=["integer", "null"]),
    "now": _field(
        "Fixed time",
        "The time that the market believes it is, as ISO 8601 with a zone. Empty: the real time, or MARKET_CLOCK.",
        type=["string", "null"],
    ),
}


def _connection_type(
    kind: str, hook: str, name: str, hidden: list[str], fields: dict[str, Any], **behaviour: dict[str, str]
) -> dict[str, Any]:
    """Return one connection type: its hook, the fields of its form and what the usual fields mean there."""
    return {
        "connection-type": kind,
        "hook-class-name": f"data_pipeline.hooks.{kind}.{hook}",
        "hook-name": name,
        "ui-field-behaviour": {"hidden-fields": ["port", "schema", *hidden], **behaviour},
        "conn-fields": fields,
    }


def get_provider_info() -> dict[str, Any]:
    """Return the provider description that Airflow reads through the entry point ``apache_airflow_provider``.

    The forms are declared here so that the API server shows them without importing the hooks.
    """
    return {
        "package-name": "data-pipeline",
        "name": "Korean market data",
        "description": (
            "Korean stock market data from KIS, from KRX and from a synthetic market, loaded into Postgres."
        ),
        "connection-types": [
            _connection_type(
                "kis", "KISHook", "Korea Investment & Securities (KIS)", [], KIS_FIELDS,
                relabeling={"login": "App key", "password": "App secret", "host": "API address"},
                placeholders={
                    "login": "36 characters from KIS Developers",
                    "password": "180 characters",
                    "host": "Empty: KIS's own. Another one makes stored rows say kis-sandbox",
                },
            ),
            _connection_type(
                "krx", "KRXHook", "Korea Exchange (KRX)", ["login"], KRX_FIELDS,
                relabeling={"password": "API key", "host": "API address"},
                placeholders={
                    "password": "40 characters from openapi.krx.co.kr",
                    "host": "Empty: KRX's own. Another one makes stored rows say krx-sandbox",
                },
            ),
            _connection_type("mock", "MockHook", "Synthetic market (mock)", ["host", "login", "password"], MOCK_FIELDS),
        ],
    }  # fmt: skip
