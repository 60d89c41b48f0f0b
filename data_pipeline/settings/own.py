"""The settings of the pipeline itself: the warehouse, what processes share, Airflow's tasks, and the checks."""

from __future__ import annotations

from typing import Any

from data_pipeline.settings.setting import Kind, Setting, Way

SOURCE = "Data source"
SHARED = "Warehouse and shared state"
AIRFLOW = "Airflow"
CHECKS = "How strict the checks of a load are"
CONTAINERS = "Docker compose only"
_HERE = frozenset({Way.COMMAND})
_BY_ITSELF = " Where the live stream runs, its DAG `stream_day` lets older ones go by itself. 1200 keeps all."

SOURCE_SETTINGS = (
    Setting(
        "DATA_SOURCE_TYPE",
        "Where every command, the DAGs of `run` and `up`, and Python ask. With mock, `run` and `up` use the emulator.",
        SOURCE, choices=("kis", "krx", "mock"),
        empty="by credentials: kis, then krx; with none it is mock, synthetic data",
    ),
)  # fmt: skip

SHARED_SETTINGS = (
    Setting(
        "MARKET_DB_URL",
        "The warehouse, Postgres 15 or newer: `postgresql://user:password@host:5432/database?sslmode=verify-full`, "
        "with any connection parameter of libpq after the `?`.",
        SHARED, secret=True, empty="the embedded Postgres; in containers theirs",
    ),
    Setting(
        "MARKET_READER_URL",
        "A login of that warehouse that can only read, for `sql` (which refuses any other), `coverage`, `export`, "
        "`data_pipeline.read` and, without an Airflow connection `market_reader`, the pages in Airflow.",
        SHARED, secret=True, empty="`MARKET_DB_URL`",
    ),
    Setting(
        "COORDINATION_URL",
        "Where processes share the quota, the breaker and the token: `file:///folder` for one host, or "
        "`redis://:password@host:6379/1` (or `rediss://`) for many. The token is sealed in both with a key derived "
        "from the app secret; Airflow's Fernet key plays no part.",
        SHARED, secret=True, empty="a folder of this user, `~/.local/state/data-pipeline`; in containers their Redis",
    ),
    Setting(
        "CACHE_URL",
        "Where the answers lie that `KIS_CACHE_TTL_*` let the interactive `get_*` calls repeat: `memory` for each "
        "process its own, or `redis://:password@host:6379/2` (or `rediss://`) for all.",
        SHARED, secret=True, empty="the Redis of `COORDINATION_URL`; with files there `memory`", shown=False,
    ),
    Setting(
        "MARKET_CLOCK",
        "With synthetic data only: a moment such as `2027-06-15T20:40` (Seoul unless it names a zone) from which the "
        "market's clock runs on, in every process, Airflow task and SQL session. Containers do not get it, for they do "
        "not start at one moment.",
        SHARED, empty="this host's clock", shown=False, ways=frozenset({Way.COMMAND, Way.STACK}),
    ),
    Setting(
        "CALENDAR_CORRECTIONS",
        "The file of corrections to the trading calendar, one for all processes.",
        SHARED, empty="`calendar.json` beside the shared state; with Redis in a folder of this user",
    ),
    Setting(
        "ARCHIVE_FOLDER",
        "Where the Parquet files of archived months are: `data-pipeline archive` names them, reading, `export` and "
        "`verify` look for them.",
        SHARED, empty="none, so that an archived month cannot be read", shown=False,
    ),
    *(
        Setting(
            f"KEEP_{name}_MONTHS",
            f"How many whole months of {what} before this one `data-pipeline archive` leaves in Postgres.{more}",
            SHARED, kind=Kind.WHOLE, least=1, most=1200, default=default, empty="" if default else "all", shown=False,
        )
        for name, what, default, more in (
            ("MINUTE_BAR", "minute bars", "", ""), ("PRICE_SNAPSHOT", "current prices", "", ""),
            ("ORDER_BOOK", "order books", "1", _BY_ITSELF), ("TRADE", "trades", "12", _BY_ITSELF),
        )
    ),
    Setting(
        "DATA_PIPELINE_HOME", "The folder of everything that `make run` and `make up` keep.", SHARED,
        empty="`.local` in the clone; installed from a wheel `~/.local/state/data-pipeline/home`", shown=False,
        ways=_HERE,
    ),
)  # fmt: skip

AIRFLOW_SETTINGS = (
    Setting(
        "DATA_SOURCE_CONN_ID",
        "The Airflow connection that scheduled DAGs load from. `run` and `up` set it themselves.", AIRFLOW,
        default="kis_default", variable=True, ways=frozenset({Way.CONTAINER}),
    ),
    Setting(
        "WATCH_LIST", "Stock codes whose order books are kept, separated by commas.", AIRFLOW, variable=True,
        empty="twenty of the largest instruments",
    ),
    Setting(
        "STREAM_KINDS",
        "What `data-pipeline stream` asks for, most important first, separated by commas: `trade`, `order_book`, "
        "`market_operation`, `expected_price`.",
        AIRFLOW, default="trade,order_book", shown=False,
    ),
    Setting(
        "STREAM_VENUES",
        "Where: `KRX`, `NXT`, `UNIFIED` (both as one market), separated by commas. The DAG `stream_day` expects the "
        "trades of each. The virtual server has KRX only.",
        AIRFLOW, default="KRX", shown=False,
    ),
    Setting(
        "UNIVERSE",
        "Which instruments `current_prices` and the evening's `minute_bars` load. A virtual key (one call a second) "
        "cannot do the market in time, and those DAGs say so.",
        AIRFLOW, choices=("market", "watch_list"), default="market", variable=True,
    ),
    Setting(
        "ALERT_CALLBACK",
        "A Python function or notifier, `package.module.function`, that gets Airflow's context when a task has failed "
        "for good.",
        AIRFLOW, empty="nobody",
    ),
    Setting(
        "TASK_RETRIES", "How often Airflow tries a task again after a transient error.", AIRFLOW, kind=Kind.WHOLE,
        least=0.0, most=100.0, empty="4; with `make run` 1", shown=False,
    ),
    Setting(
        "FETCH_THREADS",
        "Threads of one task that ask the source at once, all within the one budget; an operator's `fetch_threads` "
        "takes precedence.",
        AIRFLOW, kind=Kind.WHOLE, least=1.0, most=64.0, empty="8, and 12 with ten keys: one for each 15 calls a second",
        shown=False,
    ),
)  # fmt: skip


def _check(name: str, default: str, text: str, kind: Kind = Kind.NUMBER, **more: Any) -> Setting:
    bounds = {"least": 0.0, **({"most": 1.0} if name.endswith("_SHARE") else {}), **more}
    return Setting(name, text, CHECKS, kind=kind, default=default, **bounds)


CHECK_SETTINGS = (
    _check("CHECK_ERROR_SHARE", "0.2", "A window is refused when more than this share of its rows are wrong,"),
    _check("CHECK_ERROR_ROWS", "10", "and at least so many.", Kind.WHOLE),
    _check("CHECK_MISSING_SHARE", "0.2", "The same for expected bars of a session that did not come: the share,"),
    _check("CHECK_MISSING_ROWS", "20", "and the number.", Kind.WHOLE),
    _check("CHECK_STALE_SHARE", "0.5", "The same for traded bars that repeat the session before: the share,"),
    _check("CHECK_STALE_ROWS", "20", "and the number.", Kind.WHOLE),
    _check(
        "CHECK_STALE_VOLUME", "1000", "Shares from which one bar that repeats the session before is wrong.", Kind.WHOLE
    ),
    _check("CHECK_FUTURE_SECONDS", "300", "Seconds that a time may lie ahead of the market's clock."),
    _check("CHECK_RATE_POINTS", "0.02", "Percentage points that a change rate may be off."),
    _check("CHECK_MARKET_CAP_SHARE", "0.5", "How far a market value may lie from price x shares, as a share of it."),
    _check("CHECK_BASE_RATIO", "20", "How many times below the close a base price may lie after a trade.", least=1.0),
)


def _compose(name: str, text: str, **more: Any) -> Setting:
    return Setting(
        name, text, CONTAINERS, **{"secret": "default" not in more, "ways": frozenset({Way.COMPOSE}), **more}
    )


_MIGRATE = frozenset({Way.COMMAND, Way.COMPOSE})

CONTAINER_SETTINGS = (
    _compose("SECRETS_FOLDER", "Where the files of secrets are.", default="./secrets"),
    _compose("POSTGRES_PASSWORD", "The administrator of the Postgres container."),
    _compose("AIRFLOW_DB_PASSWORD", "The owner of Airflow's own database, who is no superuser."),
    _compose("MARKET_DB_PASSWORD", "The warehouse's owner, who migrates."),
    _compose(
        "MARKET_LOADER_PASSWORD",
        "Its loader, who writes rows; `migrate` gives the role `market_loader` this password, on a server of your own "
        "too.",
        ways=_MIGRATE,
    ),
    _compose(
        "MARKET_READER_PASSWORD",
        "Its reader, who asks with `sql` and reads: the same for `market_reader`.",
        ways=_MIGRATE,
    ),
    _compose("REDIS_PASSWORD", "The Redis that holds the shared state and Airflow's queue."),
    _compose("AIRFLOW_ADMIN_USER", "Who signs in to the UI.", default="admin"),
    _compose("AIRFLOW_ADMIN_PASSWORD", "That user's password."),
    _compose(
        "AIRFLOW_FERNET_KEY",
        "Airflow's key for stored connections: "
        '`python3 -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"` makes one.',
    ),
    _compose("AIRFLOW_JWT_SECRET", "Airflow's own secret for tokens: `openssl rand -hex 32` makes one."),
    _compose("AIRFLOW_API_SECRET_KEY", "Another one, for sessions of the UI."),
    *(
        _compose(
            f"{name}_DIGEST", f"Holds the image of {what} to one build, written `@sha256:...`.", secret=False,
            empty="whatever its full version tag means", shown=False,
        )
        for name, what in (
            ("AIRFLOW", "Airflow"), ("POSTGRES", "Postgres"), ("REDIS", "Redis"), ("PROMETHEUS", "Prometheus"),
            ("GRAFANA", "Grafana"),
        )
    ),
    _compose("AIRFLOW_PORT", "The UI's port on 127.0.0.1.", kind=Kind.WHOLE, least=1, most=65535, default="8080"),
    _compose("GRAFANA_PORT", "Grafana's port on 127.0.0.1.", kind=Kind.WHOLE, least=1, most=65535, default="3000"),
    _compose("POSTGRES_PORT", "Postgres's port on 127.0.0.1.", kind=Kind.WHOLE, least=1, most=65535, default="5432"),
    _compose("AIRFLOW_UID", "The user whom the containers' files belong to.", kind=Kind.WHOLE, default="50000"),
    _compose("AIRFLOW_WORKER_CONCURRENCY", "Tasks at a time in one worker.", kind=Kind.WHOLE, least=1, default="4"),
)  # fmt: skip
