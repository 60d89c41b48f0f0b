"""What Airflow mounts."""

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from data_pipeline.pages.headers import HEADERS, WithHeaders
from data_pipeline.pages.mount import Pages
from data_pipeline.pages.root import KEY, WithRoot, root_of


def test_without_a_guard_there_is_no_page(caplog):
    """An Airflow that no longer has its dependency: each request is refused, and the log says why."""
    made = []

    def make():
        made.append(1)
        raise ImportError("cannot import name 'requires_access_view'")

    browser = TestClient(Pages(make))
    for path in ("/", "/pages.css", "/instrument?code=005930"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
        assert "could not be put behind Airflow's login" in answer.text
    assert "requires_access_view" in caplog.text
    assert made == [1]


def test_the_pages_are_made_once_and_late():
    """Nothing is imported before somebody looks."""
    made = []
    app = FastAPI()
    app.add_api_route("/", lambda: "here")

    def make():
        made.append(1)
        return app

    browser = TestClient(Pages(make))
    assert made == []
    assert [browser.get("/").json() for _ in range(2)] == ["here", "here"]
    assert made == [1]


def test_every_answer_has_the_headers():
    """One of nobody's route too; what an answer says itself stays."""
    app = FastAPI()
    app.add_api_route("/", lambda: "here")
    browser = TestClient(WithHeaders(app))
    for answer in (browser.get("/"), browser.get("/nowhere")):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["content-security-policy"]
    assert "http" not in HEADERS["content-security-policy"]


@pytest.mark.parametrize(("path", "known"), [("/data-pipeline/", True), ("/api/v2/version", False)])
def test_only_the_pages_get_the_whole_server(path, known):
    """What asks Airflow's own API needs it, with all that the server itself puts into a request; nothing else does."""
    seen = []
    inner, server = FastAPI(), FastAPI()

    @inner.get("/")
    @server.get("/api/v2/version")
    def look(request: Request) -> None:
        seen.append(request.scope.get(KEY))

    server.mount("/data-pipeline", inner)
    server.add_middleware(WithRoot)
    assert TestClient(server).get(path).status_code == 200
    assert seen == [server if known else None]
    if known:
        assert root_of(Request({"type": "http", KEY: server})) is server
