"""The application: its routes, all behind one guard, and what becomes of an error."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from data_pipeline.exceptions import DataPipelineError, TransientError, UnknownStockError
from data_pipeline.pages.buttons import Buttons
from data_pipeline.pages.door import Door
from data_pipeline.pages.gate import Gate
from data_pipeline.pages.headers import WithHeaders
from data_pipeline.pages.live_view import LiveView
from data_pipeline.pages.render import HERE, Page
from data_pipeline.pages.room import Room
from data_pipeline.pages.sheet import Sheet
from data_pipeline.pages.views import Views

FILES = {"pages.css": "text/css", "pages.js": "text/javascript"}
PAGES = ("", "cell", "instrument", "search")
"""The last part of each page's path; what is drawn goes through the door, and forms, files and the stream do not."""


def pages(gate: Gate, room: Room, wall: Callable[[], float] = time.time) -> WithHeaders:
    """Return the pages as an ASGI application.

    Args:
        gate: Who may see them. What it asks is asked before every route, those of files too.
        room: Where the figures come from.
        wall: Real time in seconds since 1970 (UTC), for the tokens of forms.
    """
    return WithHeaders(Door(application(gate, room, wall), frozenset(PAGES)))


def application(gate: Gate, room: Room, wall: Callable[[], float] = time.time) -> FastAPI:
    """Return the application itself, whose list of routes a test can walk."""
    app = FastAPI(
        title="data-pipeline", dependencies=list(gate.dependencies), docs_url=None, redoc_url=None, openapi_url=None
    )
    buttons = Buttons(gate, room, wall)
    views = Views(room, buttons)
    for name, view in zip(PAGES, (views.morning, views.cell, views.instrument, views.search), strict=True):
        app.add_api_route(f"/{name}", view, methods=["GET"], response_class=HTMLResponse, response_model=None)
    app.add_api_route("/live", LiveView(room, gate).live, methods=["GET"], response_model=None)
    app.add_api_route("/heal", buttons.heal, methods=["POST"], response_class=HTMLResponse, response_model=None)
    app.add_api_route("/retry", buttons.retry, methods=["POST"], response_class=HTMLResponse, response_model=None)
    for name, kind in FILES.items():
        app.add_api_route(f"/{name}", _file(name, kind), methods=["GET"], response_model=None)
    app.add_exception_handler(DataPipelineError, _said)
    return app


def _file(name: str, kind: str) -> Callable[[Request], Any]:
    sheet = Sheet((HERE / "static" / name).read_text("utf-8"))

    async def file(request: Request) -> Response:
        return sheet.answer(request, media_type=kind, headers={"cache-control": "private, max-age=600"})

    return file


async def _said(request: Request, error: Exception) -> Response:
    """Answer an error of this package in one sentence, in the language of the page."""
    page = Page.of(request)
    if isinstance(error, UnknownStockError):
        code = request.query_params.get("code", "")
        return page.render("message.html", {"bad": True, "heading": page.t("unknown_code", code=code)}, 404)
    values = {"bad": True, "heading": page.t("busy"), "said": str(error)}
    answer = page.render("message.html", values, 503)
    if isinstance(error, TransientError):
        answer.headers["retry-after"] = "5"
    return answer
