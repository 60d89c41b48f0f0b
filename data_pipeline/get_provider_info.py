"""What this package tells Airflow about itself: its connection types and their forms."""

from __future__ import annotations

from typing import Any

from data_pipeline.settings import SETTINGS, Kind, Setting, value

SECRET = {"type": ["string", "null"], "format": "password"}
_TYPES = {Kind.NUMBER: "number", Kind.WHOLE: "integer"}
_MORE_KEYS = 'Work spreads over all keys and their budgets add up. JSON: {"app key": "app secret"}.'


def _field(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": schema}


def _of_setting(one: Setting) -> dict[str, Any]:
    """Return the form's field for a setting; left empty, it means the setting's default."""
    schema: dict[str, Any] = SECRET if one.secret else {"type": [_TYPES.get(one.kind, "string"), "null"]}
    if one.numbered:
        return _field(one.label, _MORE_KEYS, **schema)
    left_empty = one.empty or one.default
    return _field(one.label, f"{one.help.replace('`', '')} Empty: {left_empty}.", **schema)


def _fields(connection: str) -> dict[str, Any]:
    """Return the extra fields that a form shows: those of the settings that have a label."""
    ours = [one for one in SETTINGS.values() if one.connection == connection and one.label]
    return {one.field: _of_setting(one) for one in ours}


KIS_FIELDS: dict[str, Any] = {
    "environment": _field(
        "Server",
        SETTINGS["KIS_USE_VIRTUAL_SERVER"].help,
        type="string",
        enum=["real", "virtual"],
        default="virtual" if value({}, "KIS_USE_VIRTUAL_SERVER") else "real",
    ),
    "app_key": _field(
        "App key, masked",
        "Instead of the app key above, which is shown as it was typed: 36 characters from KIS Developers.",
        **SECRET,
    ),
    **_fields("kis"),
}

KRX_FIELDS: dict[str, Any] = {
    "environment": _field(
        "Server",
        "The exchange itself, or a sandbox at the address below.",
        type="string",
        enum=["real", "sandbox"],
        default="real",
    ),
    **_fields("krx"),
}

MOCK_FIELDS: dict[str, Any] = {
    "seed": _field("Seed", "Another seed is another market. Empty: the usual one.", type=["integer", "null"]),
    "now": _field(
        "Fixed time",
        "The time that the market believes it is, as ISO 8601 with a zone. Empty: the real time, or MARKET_CLOCK.",
        type=["string", "null"],
    ),
}


MARKET_DATA = "Korean market data"
HOOKS = ("kis", "krx", "mock", "warehouse")
_GUIDES = (
    "add-a-dataset", "add-a-vendor", "ask-from-an-assistant", "be-told-when-a-load-fails", "fill-the-past",
    "fix-a-failed-run", "install-into-your-airflow", "keep-it-for-years", "look-into-the-quarantine",
    "prove-what-is-stored", "read-prices-into-pandas", "refresh-the-calendar", "repeat-answers", "replay-a-session",
    "run-after-a-proven-session", "run-on-celery", "run-on-kubernetes", "run-with-compose", "see-it-every-morning",
    "stream-live-trades", "test-against-the-emulator", "upgrade-to-0.2", "use-a-krx-key", "use-a-managed-airflow",
    "use-a-real-postgres", "use-your-own-key", "watch-it-with-prometheus",
)  # fmt: skip
INTEGRATIONS = [
    {
        "integration-name": MARKET_DATA,
        "external-doc-url": "https://apiportal.koreainvestment.com/",
        "how-to-guide": [f"/docs/how-to/{name}.md" for name in _GUIDES],
        "tags": ["service"],
    }
]


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
        "package-name": "korean-market-pipeline",
        "name": "Korean market data",
        "description": (
            "Korean stock market data from KIS, from KRX and from a synthetic market, loaded into Postgres."
        ),
        "integrations": INTEGRATIONS,
        "operators": [
            {
                "integration-name": MARKET_DATA,
                "python-modules": [
                    "data_pipeline.operators.data_source_to_postgres",
                    "data_pipeline.operators.fill_gaps",
                    "data_pipeline.operators.official_daily_bars",
                    "data_pipeline.operators.official_instruments",
                    "data_pipeline.operators.proven_sessions",
                ],
            }
        ],
        "sensors": [
            {"integration-name": MARKET_DATA, "python-modules": ["data_pipeline.operators.stream_sensor"]},
        ],
        "hooks": [
            {"integration-name": MARKET_DATA, "python-modules": [f"data_pipeline.hooks.{name}" for name in HOOKS]}
        ],
        "notifications": [
            f"data_pipeline.notifications.notifiers.{name}Notifier" for name in ("Slack", "Mail", "Telegram")
        ],
        # Of neither is there one of our own: the sensor sleeps in a trigger of Airflow's, and assets have names without
        # a scheme, as ``market.daily_bar``, for which nothing has to be normalised.
        "triggers": [],
        "asset-uris": [],
        "extra-links": [f"data_pipeline.operators.links.{name}" for name in ("RowsLink", "QuarantineLink", "PlanLink")],
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
