"""The pages in Airflow's own API server, with its users, its rights and its API."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from data_pipeline.local.environment import postgres_connection_json
from tests.support.pages_warehouse import fill
from tests.support.project import ROOT

LOOK = """
import asyncio, json, os, re
from pathlib import Path
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
DagBundlesManager().sync_bundles_to_db()
for name in ("heal_gaps", "retry_quarantine"):
    sync_bag_to_db(DagBag(f"dags/{name}.py", bundle_name="dags-folder"), "dags-folder", None)
from fastapi import Request
from fastapi.testclient import TestClient
from airflow.api_fastapi.app import create_app
from data_pipeline.pages.airflow_gate import AirflowGate
from data_pipeline.pages.app import application

routes = [(method, route.path) for route in application(AirflowGate(), None).routes for method in route.methods]
said = {"routes": len(routes)}
with TestClient(create_app(), base_url="http://127.0.0.1") as server:
    passwords = json.loads(Path(os.environ["AIRFLOW_HOME"], "simple_auth_manager_passwords.json.generated").read_text())

    def browser(user):
        token = server.post("/auth/token", json={"username": user, "password": passwords[user]}).json()["access_token"]
        return lambda method, path, **more: server.request(
            method, path, headers={"Cookie": f"_token={token}", **more.pop("headers", {})}, **more)

    said["stranger"] = sorted({server.request(method, f"/data-pipeline{path}").status_code for method, path in routes})
    said["viewer"] = {f"{method} {path}": browser("watcher")(method, f"/data-pipeline{path}").status_code
                      for method, path in routes}
    said["guest"] = {
        "pages": sorted({browser("guest")(method, f"/data-pipeline{path}").status_code for method, path in routes}),
        "airflow": browser("guest")("GET", "/api/v2/dags").status_code,
        "ui": browser("guest")("GET", "/").status_code,
    }
    def stays(token):
        headers = [(b"cookie", f"_token={token}".encode())]
        return asyncio.run(AirflowGate().may_stay(Request({"type": "http", "method": "GET", "headers": headers})))

    def token_of(user):
        answer = server.post("/auth/token", json={"username": user, "password": passwords[user]})
        return answer.json()["access_token"]

    said["stays"] = [stays(token_of("watcher")), stays(token_of("guest")), stays("none"), stays("")]
    boss = browser("boss")

    # Other tests of this process may have run these DAGs before.
    def runs_of(dag):
        return boss("GET", f"/api/v2/dags/{dag}/dagRuns", params={"limit": 100}).json()["dag_runs"]

    before = {(run["dag_id"], run["dag_run_id"]) for dag in ("heal_gaps", "retry_quarantine") for run in runs_of(dag)}

    def started(dag):
        return [run for run in runs_of(dag) if (dag, run["dag_run_id"]) not in before]

    page = boss("GET", "/data-pipeline/")
    said["page"], said["policy"] = page.status_code, page.headers["content-security-policy"]
    said["missing"] = "2 of 10 cells are missing" in page.text
    token = re.search('action="heal".*?name="token" value="([^"]+)"', page.text, re.DOTALL)[1]
    said["forged"] = boss("POST", "/data-pipeline/heal", data={"token": token[::-1]}).status_code
    said["stolen"] = browser("helper")("POST", "/data-pipeline/heal", data={"token": token}).status_code
    healed = boss("POST", "/data-pipeline/heal", data={"token": token})
    said["healed"], said["paused"] = healed.status_code, "The DAG is paused" in healed.text
    said["runs"] = [(run["run_type"], run["triggering_user_name"], run["note"]) for run in started("heal_gaps")]
    retry = re.search('action="retry".*?name="token" value="([^"]+)"', page.text, re.DOTALL)[1]
    form = {"token": retry, "dataset": "daily_bar", "check": "limit"}
    said["retried"] = boss("POST", "/data-pipeline/retry", data=form).status_code
    said["conf"] = [run["conf"] for run in started("retry_quarantine")]
    views = boss("GET", "/api/v2/plugins").json()["plugins"]
    said["views"] = [view["href"] for one in views if one["name"] == "data_pipeline" for view in one["external_views"]]
print("SAID", json.dumps(said))
"""


@pytest.mark.slow
def test_airflow_guards_the_pages(airflow_home, database):
    """A stranger gets 401 on every route, a viewer may not heal, a user without the right still sees Airflow.

    Who may trigger the DAG starts a run of it as themselves; with a form that was forged, or made for somebody else,
    nothing starts.
    """
    with database.connect("owner") as connection, connection, connection.cursor() as cursor:
        fill(cursor)
    environment = airflow_home | {
        "AIRFLOW_CONN_MARKET_READER": postgres_connection_json(database.url("reader")),
        "AIRFLOW_CONN_KIS_DEFAULT": '{"conn_type": "mock"}',
        "AIRFLOW__CORE__AUTH_MANAGER": "tests.support.choosy_manager.ChoosyManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "boss:admin,helper:user,watcher:viewer,guest:viewer",
        "AIRFLOW__API_AUTH__JWT_SECRET": "for this test alone, of thirty-two signs",
        "AIRFLOW__API__SECRET_KEY": "for this test alone, too",
        "MARKET_CLOCK": "2026-09-18T21:00+09:00",
    }
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("SAID ")]
    said = json.loads(line.removeprefix("SAID "))
    assert (said["routes"], said["stranger"]) == (9, [401])
    assert {route for route, status in said["viewer"].items() if status == 403} == {"POST /heal", "POST /retry"}
    assert set(said["viewer"].values()) == {200, 400, 403}
    assert said["guest"] == {"pages": [403], "airflow": 200, "ui": 200}
    assert said["stays"] == [True, False, False, False]
    assert (said["page"], said["missing"]) == (200, True)
    assert "script-src 'self'" in said["policy"]
    assert (said["forged"], said["stolen"], said["healed"], said["paused"]) == (403, 403, 200, True)
    assert said["runs"] == [["manual", "boss", "started on the morning page"]]
    assert (said["retried"], said["conf"]) == (200, [{"rejected_ids": [1]}])
    assert said["views"] == ["data-pipeline/"]
