"""What Airflow and the source are told on one machine: connections, folders and limits, as environment variables."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.local.home import Home
from data_pipeline.market.clock import anchored
from data_pipeline.market.state_folder import CORRECTIONS, corrections_path, default_folder
from data_pipeline.settings import filled_fields, text
from data_pipeline.settings.hidden import Hidden, hidden
from data_pipeline.shipped import shipped
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.warehouse.fields import connection_fields

SANDBOX_RATE = 18
"""Calls a second of the emulator that `run` and `up` load from."""
SANDBOX_KEY = "SANDBOX-KEY-".ljust(36, "0")
SANDBOX_SECRET = "SANDBOX-SECRET-".ljust(180, "0")
"""Of the documented lengths, and of use only with the emulator."""
API_WITHIN_S = 60
"""Seconds that a task waits for Airflow's API. The first answer takes it 15 s of a processor, and one that has to be
shared takes longer than the 5 s of five attempts; a task that cannot begin for that has spent a try."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class SourceConnection:
    """The Airflow connection that the DAGs load from."""

    conn_id: str
    conn_type: str
    login: str = ""
    password: str = ""
    extra: Mapping[str, object] | None = None
    host: str = ""
    """Scheme, host and port of the server; there Airflow guards the stored secret against another address."""

    def __post_init__(self) -> None:
        for name in ("login", "password"):
            object.__setattr__(self, name, Hidden(getattr(self, name)))

    def __repr__(self) -> str:
        return f"SourceConnection({self.conn_id}, {self.conn_type})"

    def as_json(self) -> str:
        """Return the form that ``AIRFLOW_CONN_<ID>`` takes. It holds secrets: hand it to a process, never to a log."""
        return json.dumps(
            {
                "conn_type": self.conn_type,
                "host": self.host,
                "login": self.login,
                "password": self.password,
                "extra": dict(self.extra or {}),
            }
        )


def sandbox_connection(emulator_url: str, rate: float) -> SourceConnection:
    """Return the connection that speaks KIS to the emulator."""
    extra = {"environment": "real", "master_url": emulator_url, "rate_limit": rate}
    return SourceConnection("kis_default", "kis", SANDBOX_KEY, SANDBOX_SECRET, extra, emulator_url)


def official_connection(environ: Mapping[str, str]) -> SourceConnection | None:
    """Return the connection that the environment's KRX key stands for; None without a key.

    Raises:
        ConfigurationError: A KRX variable is wrong; the message names it.
    """
    environ = hidden(environ)
    return krx_connection(environ) if text(environ, "KRX_API_KEY") else None


def krx_connection(environ: Mapping[str, str]) -> SourceConnection:
    """Return the connection that the environment's KRX key stands for.

    Raises:
        ConfigurationError: A KRX variable is missing or wrong; the message names it.
    """
    environ = hidden(environ)
    settings = KrxSettings.from_env(environ)
    extra = filled_fields("krx", environ)
    return SourceConnection("krx_default", "krx", "", settings.api_key, extra, settings.base_url)


def postgres_connection_json(url: str) -> str:
    """Return a ``postgresql://`` URL in the form that ``AIRFLOW_CONN_<ID>`` takes, with every parameter it has."""
    return json.dumps(connection_fields(url))


def airflow_environment(
    home: Home,
    metadata_url: str,
    warehouse_url: str,
    source: SourceConnection,
    environ: Mapping[str, str] = os.environ,
    official: SourceConnection | None = None,
    reader_url: str = "",
) -> dict[str, str]:
    """Return the environment of every Airflow process of this installation.

    Args:
        home: Where ``AIRFLOW_HOME`` is kept.
        metadata_url: Airflow's own database.
        warehouse_url: The warehouse, for the connection ``market_db``; the loader's role is enough.
        source: Where the data comes from.
        environ: What the processes inherit; a fixed ``MARKET_CLOCK`` in it becomes one clock for all of them.
        official: Where the exchange's own figures come from; None if they are not loaded.
        reader_url: The warehouse again, for the connection ``market_reader`` of the pages; empty for no pages.
    """
    fernet_key = Hidden(base64.urlsafe_b64encode(hashlib.sha256(home.secret("fernet").encode()).digest()).decode())
    told = {
        **environ,
        **anchored(environ),
        **beside_proxies(environ),
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(shipped("dags")),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(_plugins_folder(home)),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": fernet_key,
        "AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES": "appkey,app_key,account_no,account_number,cano",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_url.replace("postgresql://", "postgresql+psycopg2://", 1),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS": "data_pipeline.hooks.metadata.CONNECT_ARGS",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS_ASYNC": "data_pipeline.hooks.metadata.CONNECT_ARGS_ASYNC",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": str(API_WITHIN_S),
        "AIRFLOW__API_AUTH__JWT_SECRET": home.secret("jwt"),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.logs / "airflow"),
        "AIRFLOW_CONN_MARKET_DB": postgres_connection_json(warehouse_url),
        **({"AIRFLOW_CONN_MARKET_READER": postgres_connection_json(reader_url)} if reader_url else {}),
        **{f"AIRFLOW_CONN_{one.conn_id.upper()}": one.as_json() for one in (source, official) if one},
        "DATA_SOURCE_CONN_ID": source.conn_id,
        # The one place of this user, as for the command and Python, whatever home an Airflow process has.
        "COORDINATION_URL": environ.get("COORDINATION_URL") or default_folder(environ).as_uri(),
        # The corrections that this process has, wherever the shared state lies.
        CORRECTIONS: str(corrections_path(environ)),
        "PYTHONWARNINGS": "ignore",
    }
    return hidden(told)


def _plugins_folder(home: Home) -> Path:
    # A package that is on the path without having been installed has no entry point for its plugin.
    installed = entry_points(group="airflow.plugins", name="data_pipeline")
    return home.airflow / "plugins" if installed else shipped("plugins")


def beside_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep a proxy out of what the processes of one machine say to each other."""
    kept = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = dict.fromkeys([*(host for one in kept.split(",") if (host := one.strip())), *LOOPBACK])
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(hosts))


def airflow_command(python: str = sys.executable, path: str | None = None) -> str:
    """Return the ``airflow`` program that belongs to this Python, else the first on the path.

    Raises:
        ConfigurationError: There is none.
    """
    beside = Path(python).with_name("airflow")
    found = str(beside) if beside.exists() else shutil.which("airflow", path=path)
    if not found:
        raise ConfigurationError("Airflow is not installed: install korean-market-pipeline with its extra airflow")
    return found
