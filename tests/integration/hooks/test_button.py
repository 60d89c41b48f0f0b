"""The *Test* button of each of our connections, pressed against Airflow's own API server."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.project import ROOT

PRESS = """
import json, sys
from fastapi.testclient import TestClient
from airflow.api_fastapi.app import create_app

NOWHERE = "http://127.0.0.1:9"
FORMS = {
    "kis": {"login": "K" * 36, "password": "S" * 180, "host": NOWHERE, "extra": "{}"},
    "krx": {"password": "X" * 40, "host": NOWHERE, "extra": "{}"},
    "mock": {"extra": "{}"},
    "http": {"password": "a-password-of-another", "extra": "{}"},
}
said = {}
with TestClient(create_app(), base_url="http://127.0.0.1") as browser:
    browser.headers["Authorization"] = "Bearer " + browser.get("/auth/token").json()["access_token"]
    for kind, form in FORMS.items():
        # As the form posts it: fields that were left empty are not sent.
        made = browser.post("/api/v2/connections", json={"connection_id": f"{kind}_mine", "conn_type": kind, **form})
        assert made.status_code == 201, made.text
        one = browser.get(f"/api/v2/connections/{kind}_mine").json()
        # As the button posts it: null is an empty text, and a port of null is 0.
        pressed = {name: one[name] or "" for name in ("description", "host", "login", "password", "schema")}
        pressed |= {"conn_type": kind, "connection_id": f"{kind}_mine", "extra": one["extra"] or "{}"}
        pressed["port"] = int(one["port"] or 0)
        answer = browser.post("/api/v2/connections/test", json=pressed)
        moved = browser.post("/api/v2/connections/test", json={**pressed, "host": "elsewhere.example"})
        said[kind] = [answer.status_code, answer.json(), moved.status_code]
print("SAID", json.dumps(said))
"""


@pytest.mark.slow
def test_the_button_answers_for_each_type(airflow_home):
    """A sentence about the vendor instead of "Bad Request"; a stored secret still goes to no other address."""
    environment = airflow_home | {
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API_AUTH__JWT_SECRET": "for this test alone, of thirty-two signs",
    }
    done = subprocess.run(
        [sys.executable, "-c", PRESS], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("SAID ")]
    said = json.loads(line.removeprefix("SAID "))
    assert {kind: answer[0] for kind, answer in said.items()} == {"kis": 200, "krx": 200, "mock": 200, "http": 400}
    assert said["mock"][1] == {"status": True, "message": "mock is made up and needs no connection."}
    assert "127.0.0.1" in said["kis"][1]["message"]
    assert {answer[2] for answer in said.values()} == {400}
