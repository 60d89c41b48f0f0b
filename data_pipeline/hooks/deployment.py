"""Looks at an Airflow deployment: whether everything is there that the DAGs of this package need, and what to do."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from data_pipeline.coordination.opening import open_store
from data_pipeline.dag_files import dag_names
from data_pipeline.hooks import celery_config
from data_pipeline.hooks.celery_config import SEND_S, SEND_TRIES, VISIBLE_S
from data_pipeline.hooks.connection import read_connection
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.market.clock import market_now
from data_pipeline.settings import text
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.locate import reader_address
from data_pipeline.warehouse.looking import MOST_APART_S, Finding, findings_of
from data_pipeline.warehouse.migrate import newest_version
from data_pipeline.warehouse.rehearsal import version_of
from data_pipeline.warehouse.rights import more_than_reading

DISTRIBUTION = "korean-market-pipeline"
INSTALL = 'data-pipeline airflow install --dags-folder "$(airflow config get-value core dags_folder)"'
MOST_VISIBLE_S = 12 * 3600
"""Seconds that a task of a worker that is gone may wait for another one."""
ONE_HOST = ("LocalExecutor", "SequentialExecutor")

_LOADER = """
SELECT current_user, rolsuper, has_table_privilege('market.daily_bar', 'INSERT'), extract(epoch FROM clock_timestamp())
FROM pg_roles WHERE rolname = current_user
"""


def look() -> Iterator[Finding]:
    """Yield what was found, in the order in which a deployment is set up; nothing is changed.

    Nothing is raised for what is missing: that is a finding. Airflow's own errors for a database that is away are one.
    """
    for about, part in PARTS.items():
        yield from findings_of(about, part, REMEDIES)


def _versions() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in requires(DISTRIBUTION) or []]
    # What building and testing need is nothing that a deployment lacks.
    extras = [None, *({*(metadata(DISTRIBUTION).get_all("Provides-Extra") or [])} - {"build", "dev"})]
    wrong = {}
    for one in wanted:
        if one.marker and not any(one.marker.evaluate({"extra": extra or ""}) for extra in extras):
            continue
        try:
            found = version(one.name)
        except PackageNotFoundError:
            continue  # of an extra that is not wanted; else pip would have brought it
        if not one.specifier.contains(found, prereleases=True):
            wrong[one.name] = f"{one.name} {found}, which must be {one.specifier}"
    said = f"Python {sys.version.split()[0]}, Airflow {version('apache-airflow-core')}, {DISTRIBUTION} "
    said += version(DISTRIBUTION)
    yield Finding("versions", not wrong, "; ".join([said, *wrong.values()]), "install what the versions say with pip")


def _plugin() -> Iterator[Finding]:
    from airflow import plugins_manager

    from data_pipeline.timetables import KrxIntradayTimetable, KrxSessionTimetable

    known = set(plugins_manager.get_timetables_plugins().values())
    missing = {KrxSessionTimetable, KrxIntradayTimetable} - known
    found = [str(one.get("source")) for one in plugins_manager.get_plugin_info() if one["name"] == "data_pipeline"]
    twice = any(source.startswith("$PLUGINS_FOLDER") for source in found)
    said = "the timetables are not registered, so most DAGs fail" if missing else "the timetables are registered"
    yield Finding("plugin", not missing, said, f"install {DISTRIBUTION} into the Python of every Airflow component")
    if twice:
        yield Finding(
            "plugin", fine=False, said="a file in the plugins folder takes the place of the package's own plugin",
            todo="delete data_pipeline_plugin.py in Airflow's plugins folder",
        )  # fmt: skip


def _provider() -> Iterator[Finding]:
    from airflow.providers_manager import ProvidersManager

    fine = DISTRIBUTION in ProvidersManager().providers
    said = "the connection types kis, krx and mock are registered" if fine else "Airflow does not know the provider"
    yield Finding("provider", fine, said, f"install {DISTRIBUTION} into the Python of every Airflow component")


def _pools() -> Iterator[Finding]:
    from data_pipeline.pools import POOLS, known_pools

    missing = sorted(POOLS.keys() - known_pools())
    said = f"missing: {', '.join(missing)}; tasks of a pool that is not there never start" if missing else "both exist"
    todo = "restart the scheduler, which makes them, or " + "; ".join(
        f"airflow pools set {name} {POOLS[name][0]} '{POOLS[name][1]}'" for name in missing
    )
    yield Finding("pools", not missing, said, todo)


def _dags() -> Iterator[Finding]:
    from data_pipeline.pools import known_dags

    known = known_dags()
    missing = [name for name in dag_names() if not any(one == name or one.endswith(name) for one in known)]
    said = f"Airflow has not read: {', '.join(missing)}" if missing else f"all {len(dag_names())} are known"
    todo = f"run {INSTALL}, and see that `airflow dags list-import-errors` is empty"
    yield Finding("DAGs", not missing, said, todo)


def _source() -> Iterator[Finding]:
    conn_id = text(os.environ, "DATA_SOURCE_CONN_ID")
    connection = read_connection(conn_id, "kis", "krx", "mock")
    yield Finding("source", fine=True, said=f"the connection {conn_id} is of type {connection.conn_type}")


def _warehouse() -> Iterator[Finding]:
    url = WarehouseHook().get_uri()
    before = time.time()
    with closing(connect(url, application_name="data-pipeline doctor")) as connection:
        stored, wanted = version_of(connection), newest_version()
        said = f"its schema is at {stored or 'none'}, and this package wants {wanted}"
        yield Finding("warehouse", stored == wanted, said, "run data-pipeline migrate with MARKET_DB_URL of its owner")
        if stored is None:
            return
        with connection.cursor() as cursor:
            cursor.execute(_LOADER)
            login, more, writes, there = cursor.fetchone() or ("", False, False, 0)
        here = (before + time.time()) / 2
    fine = bool(writes and not more)
    what = "is a superuser" if more else "can load" if writes else "cannot load"
    yield Finding("loader", fine, f"market_db logs in as {login}, who {what}", REMEDIES["loader"])
    apart = abs(float(there) - here)
    said = f"this host and the warehouse's server are {apart:.1f} s apart; the market's clock says {market_now():%F %T}"
    yield Finding("clock", apart <= MOST_APART_S, said, "set both by NTP: a load is refused for times in the future")


def _reader() -> Iterator[Finding]:
    url = reader_address(os.environ)
    if not os.environ.get("MARKET_READER_URL", "").strip() or not url:
        yield Finding(
            "reader", fine=True, said="MARKET_READER_URL is not set here; `sql`, reading and the pages need it"
        )
        return
    with closing(connect(url, application_name="data-pipeline doctor")) as connection:
        more = more_than_reading(connection)
    said = f"{more}, so `sql` refuses it" if more else "MARKET_READER_URL can only read"
    yield Finding("reader", not more, said, "name the login market_reader in it, which data-pipeline migrate makes")


def _shared_state() -> Iterator[Finding]:
    from airflow.configuration import conf

    executor, store = conf.get("core", "executor"), open_store()
    store.read("doctor")
    where = store.location("doctor").removesuffix("doctor").removesuffix("doctor.json")
    one_host = store.location("doctor").startswith("/") and not executor.rpartition(".")[2].startswith(ONE_HOST)
    said = f"{where} answers"
    if one_host:
        said += f", and {executor} may run tasks on several hosts, which then do not share the quota"
    yield Finding("shared state", not one_host, said, REMEDIES["shared state"])


def _celery() -> Iterator[Finding]:
    from airflow.configuration import conf

    if "Celery" not in conf.get("core", "executor"):
        return
    visible = float(conf.get("celery_broker_transport_options", "visibility_timeout", fallback="86400"))
    fine = VISIBLE_S <= visible <= MOST_VISIBLE_S
    said = f"the broker gives a task that no worker has ended to another one after {visible / 3600:.0f} h"
    section = "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"
    yield Finding("Celery", fine, said, f"set {section}={VISIBLE_S}, above the longest task and below half a day")
    patient = conf.get("celery", "celery_config_options", fallback="") == f"{celery_config.__name__}.CELERY_CONFIG"
    waits = "waits" if patient else "does not wait"
    said = f"the scheduler {waits} for a broker that is away"
    todo = (
        f"set AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS={celery_config.__name__}.CELERY_CONFIG, "
        f"AIRFLOW__CELERY__OPERATION_TIMEOUT={SEND_S} and AIRFLOW__CELERY__TASK_PUBLISH_MAX_RETRIES={SEND_TRIES}"
    )
    yield Finding("broker", patient, said, todo)


REMEDIES = {
    "loader": "log in as market_loader, which data-pipeline migrate makes",
    "warehouse": "make the connection market_db (type postgres) of the loader that data-pipeline migrate made, for "
    "example as AIRFLOW_CONN_MARKET_DB",
    "source": "make the connection kis_default (type kis), or name another one in DATA_SOURCE_CONN_ID",
    "reader": "correct MARKET_READER_URL",
    "pools": "run airflow db migrate, and see that this process has Airflow's own settings",
    "DAGs": "run airflow db migrate, and see that this process has Airflow's own settings",
    "shared state": "set COORDINATION_URL to redis://:password@host:6379/1 for every component and worker",
}
PARTS: dict[str, Callable[[], Iterator[Finding]]] = {
    "versions": _versions,
    "provider": _provider,
    "plugin": _plugin,
    "pools": _pools,
    "DAGs": _dags,
    "warehouse": _warehouse,
    "reader": _reader,
    "source": _source,
    "shared state": _shared_state,
    "Celery": _celery,
}
