"""A whole load with planted secrets, over HTTP and into Postgres: none stands anywhere where somebody may look.

The tokens that the server issues and the password of the loader are made up while the test runs; they are looked for
like the planted ones.
"""

from __future__ import annotations

import io
import json
import logging
import os
import stat
from contextlib import redirect_stderr, redirect_stdout, suppress
from types import SimpleNamespace
from urllib.parse import urlsplit

import psutil
import pytest
from airflow.sdk._shared.observability.metrics import stats
from airflow.sdk.execution_time.context import OutletEventAccessors

from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.hooks.kis import KISHook
from data_pipeline.local.environment import postgres_connection_json
from data_pipeline.local.home import Home
from data_pipeline.local.logins_file import keep_logins
from data_pipeline.operators.assets import loaded_asset
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator
from data_pipeline.operators.fill_gaps import FillGapsOperator
from tests.support.canaries import SECRETS, found_in
from tests.support.planted import KEY, SECRET

pytestmark = pytest.mark.slow

NOW = "2026-09-22T20:40:00+09:00"
FACTS = {"first": "2026-09-22", "source_conn_id": "kis_default"}
LOADS: dict[str, tuple[type, dict[str, str]]] = {
    "a load that succeeds": (DataSourceToPostgresOperator, {"dataset": "daily_bar", "stock_codes": "005930"}),
    "an unknown code": (DataSourceToPostgresOperator, {"dataset": "daily_bar", "stock_codes": "005930,999999"}),
    "a code of no form": (DataSourceToPostgresOperator, {"dataset": "daily_bar", "stock_codes": "ABC"}),
    "an unknown dataset": (DataSourceToPostgresOperator, {"dataset": "nothing"}),
    "an unknown connection": (DataSourceToPostgresOperator, {"dataset": "daily_bar", "source_conn_id": "kis_other"}),
    "gaps": (FillGapsOperator, {"dataset": "daily_bar", "stock_codes": "005930"}),
}
KEPT = "SELECT row_to_json(kept)::text FROM market.{} AS kept"
TABLES = ("ingest_run", "rejected_row", "daily_bar", "instrument", "coverage_start")


@pytest.fixture(scope="module")
def loaded(put, shared, tmp_path_factory):
    """Everything that a load leaves behind, after it was done in each of the ways."""
    folder = tmp_path_factory.mktemp("loaded")
    keys = folder / "keys.json"
    keys.write_text(json.dumps({KEY: SECRET, SECRETS["second app key"]: SECRETS["second app secret"]}))
    with EmulatorProcess(ready_seconds=120.0, rate=1000, now=NOW, keys=keys) as emulator:
        put(**connections(shared, emulator.url, folder))
        told: list[object] = []
        backend = SimpleNamespace(incr=tells(told), gauge=tells(told), timing=tells(told))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stats, "_backend", backend)
            heard, left = logged(load_all)
        with KISHook().get_conn() as source:
            token = str(source.client._keys[0].tokens.get())
            gauges = repr((source.name, source.gauges(), told))
        yield SimpleNamespace(
            heard=heard, left=left, gauges=gauges, folder=folder, database=shared, emulator=emulator,
            more={"issued token": token, "loader's own password": str(urlsplit(shared.url("loader")).password)},
        )  # fmt: skip


def connections(database, url, folder):
    """Return the environment of an Airflow whose connections hold every secret of KIS and of the warehouse."""
    extra = {
        "environment": "real", "master_url": url, "rate_limit": 500, "account_number": SECRETS["account number"],
        "more_keys": {SECRETS["second app key"]: SECRETS["second app secret"]},
    }  # fmt: skip
    kis = {"conn_type": "kis", "login": KEY, "password": SECRET, "host": url, "extra": extra}
    return {
        "AIRFLOW_CONN_KIS_DEFAULT": json.dumps(kis),
        "AIRFLOW_CONN_MARKET_DB": postgres_connection_json(database.url("loader")),
        "COORDINATION_URL": (folder / "state").as_uri(),
        "MARKET_CLOCK": NOW,
        "AIRFLOW__CORE__FERNET_KEY": SECRETS["Fernet key"],
    }


def tells(told):
    """A method of a backend of Airflow's metrics that keeps what it is told."""
    return lambda *arguments, **named: told.append((arguments, named))


def load_all():
    """Do each load, and return what Airflow would show of it: rendered fields, the XCom value, the error."""
    left = {}
    for name, (operator, arguments) in LOADS.items():
        task = operator(task_id="load", outlets=[loaded_asset("daily_bar")], **FACTS | arguments)
        events = OutletEventAccessors()
        for field in task.template_fields:
            left[f"{name}: field {field}"] = repr(getattr(task, field))
        try:
            left[f"{name}: XCom"] = json.dumps(task.execute({"outlet_events": events}), default=repr)
            left[f"{name}: asset"] = repr([(key, events[key].extra) for key in events])
        except Exception as error:  # noqa: BLE001 - whatever it is, its text is shown
            left[f"{name}: error"] = f"{error} {error!r} {error.args}"
    return left


def logged(work):
    """Return what is written while something works, at the level of debugging and by every library."""
    heard = io.StringIO()
    handler, root = logging.StreamHandler(heard), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(heard), redirect_stderr(heard):
            done = work()
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    return heard.getvalue(), done


def test_the_load_was_one(loaded):
    """It sent calls with the planted key and loaded a bar, or all that follows would say nothing."""
    assert loaded.database.rows("SELECT count(*) FROM market.daily_bar") != [(0,)], loaded.left
    assert len(loaded.more["issued token"]) > 20
    assert {name for name in loaded.left if name.endswith(("XCom", "error"))} == {
        "a load that succeeds: XCom", "an unknown code: error", "a code of no form: error",
        "an unknown dataset: error", "an unknown connection: error", "gaps: XCom",
    }, loaded.left  # fmt: skip


def test_rendered_fields_xcoms_and_errors(loaded):
    """What Airflow keeps in its own database of a task, the events of its assets included."""
    assert "kis-sandbox" in loaded.left["a load that succeeds: asset"]
    assert {name: found for name, text in loaded.left.items() if (found := found_in(text, loaded.more))} == {}


def test_logs_of_every_library(loaded):
    """With urllib3, requests, Airflow and this package at the level of debugging."""
    assert "urllib3" in loaded.heard or "HTTP/1.1" in loaded.heard, loaded.heard[-2000:]
    assert found_in(loaded.heard, loaded.more) == []


def test_metrics(loaded):
    """Names, labels and values of gauges, and of what was told while the loads ran."""
    assert "kis-sandbox" in loaded.gauges
    assert "data_pipeline.requests" in loaded.gauges
    assert "data_pipeline.tokens_asked" in loaded.gauges
    assert found_in(loaded.gauges, loaded.more) == []


@pytest.mark.parametrize("table", TABLES)
def test_rows(loaded, table):
    """Errors of runs and refused rows, as the warehouse keeps them."""
    text = "\n".join(row for (row,) in loaded.database.rows(KEPT.format(table)))
    assert found_in(text, loaded.more) == []


def test_arguments_of_processes(loaded):
    """The emulator's, the database server's and those of all that they started."""
    postgres = [
        process
        for process in psutil.process_iter()
        if str(loaded.database.server.cluster.data) in " ".join(arguments_of(process))
    ]
    started = [psutil.Process(loaded.emulator.pid), *postgres]
    family = [one for process in started for one in (process, *process.children(recursive=True))]
    assert len(family) > 5
    assert {one.pid: found for one in family if (found := found_in(" ".join(arguments_of(one)), loaded.more))} == {}


def arguments_of(process):
    """Return the arguments of a process; none of one that has ended."""
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def test_files_of_the_shared_state(loaded):
    """Quota, tokens and breakers: no secret in clear, and nobody else may read them."""
    files = [path for path in (loaded.folder / "state").rglob("*") if path.is_file()]
    assert len(files) > 3
    shown = {path.name: found_in(path.read_bytes().decode("latin-1"), loaded.more) for path in files}
    assert {name: found for name, found in shown.items() if found} == {}
    assert modes(loaded.folder / "state") == {0o700: "folder", 0o600: "file"}


def test_files_that_hold_secrets(loaded, tmp_path):
    """Passwords, secrets of an installation and logins are for their owner alone."""
    home = Home(tmp_path / "home")
    home.prepare()
    home.secret("fernet")
    keep_logins(tmp_path / "logins.env", {"market_loader": loaded.database.url("loader")})
    passwords = loaded.database.server.cluster.data.parent / "passwords.json"
    assert [
        oct(stat.S_IMODE(path.stat().st_mode))
        for path in (tmp_path / "logins.env", passwords, *(tmp_path / "home").rglob("*.secret"))
    ] == ["0o600"] * 3
    # The account of the database server passes through, and lists nothing.
    assert oct(stat.S_IMODE(home.root.stat().st_mode)) == "0o711"


def modes(folder):
    """Return every mode below a folder, and what has it."""
    return {
        stat.S_IMODE(os.lstat(path).st_mode): "folder" if path.is_dir() else "file"
        for path in (folder, *folder.rglob("*"))
    }
