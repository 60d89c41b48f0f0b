"""What the buttons do: start a DAG through Airflow's own API, as the user who pressed, and only from our own page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.morning.refused import rejected_ids
from data_pipeline.pages.form_token import form_token, is_token
from data_pipeline.pages.gate import Gate
from data_pipeline.pages.render import Page, run_link
from data_pipeline.pages.room import Room

HEAL, RETRY = "heal_gaps", "retry_quarantine"
MOST_BYTES = 4096
"""Of a form that is sent; ours have a tenth of it."""
_OWN = ("same-origin", "none", None)
"""What a browser says of a request that another site did not cause; older ones say nothing."""


@dataclass(frozen=True)
class Button:
    """A button on a page for one user."""

    allowed: bool
    token: str = ""
    said: str = ""
    """Why it is not there, beside rights."""

    def shared(self, token: str) -> Button:
        """Return the same button for a page that many viewers share."""
        return replace(self, token=token if self.allowed else "")


@dataclass(frozen=True)
class Buttons:
    """Both buttons, for whoever the gate knows."""

    gate: Gate
    room: Room
    wall: Callable[[], float]

    async def show(self, request: Request, name: str) -> Button:
        """Return the button that starts a DAG, for the user of this request."""
        try:
            allowed = await self.gate.may_start(request, name)
        except ConfigurationError as error:
            return Button(allowed=False, said=str(error))
        if not allowed:
            return Button(allowed=False)
        user = await self.gate.user(request)
        return Button(allowed=True, token=form_token(self.gate.secret(), user, name, self.wall()))

    async def heal(self, request: Request) -> HTMLResponse:
        """Start healing: exactly what is missing is asked for again."""
        return await self._press(request, HEAL, self._nothing)

    async def retry(self, request: Request) -> HTMLResponse:
        """Try rows in quarantine again: those that one check refused."""
        return await self._press(request, RETRY, self._rows)

    async def _press(self, request: Request, name: str, conf_of: Callable[..., Any]) -> HTMLResponse:
        page = Page.of(request)
        if not await self.gate.may_start(request, name):
            return page.render("message.html", {"bad": True, "heading": page.t("forbidden")}, 403)
        form = await _form(request)
        user = await self.gate.user(request)
        own = request.headers.get("sec-fetch-site") in _OWN
        if not own or not is_token(form.get("token", ""), self.gate.secret(), user, name, self.wall()):
            return page.render("message.html", {"bad": True, "heading": page.t("stale_form")}, 403)
        done = await self.gate.start(request, name, await conf_of(form))
        if not done.run_id:
            said = page.t("not_started", dag=done.dag_id, status=f"{done.status}", said=done.said)
            status = done.status if 400 <= done.status < 600 else 502
            return page.render("message.html", {"bad": True, "heading": said}, status)
        values = {
            "bad": False,
            "heading": page.t("started_run", dag=done.dag_id, run=done.run_id),
            "said": page.t("started_paused") if done.paused else "",
            "link": run_link(done.dag_id, done.run_id),
        }
        return page.render("message.html", values)

    async def _nothing(self, _form: dict[str, str]) -> dict[str, Any]:
        return {}

    async def _rows(self, form: dict[str, str]) -> dict[str, Any]:
        dataset, check = form.get("dataset", ""), form.get("check", "")
        numbers = await self.room.readers.ask(lambda connection: rejected_ids(connection, dataset, check))
        if not numbers:
            raise HTTPException(404, "no row of this dataset and check is in quarantine any more")
        return {"rejected_ids": numbers}


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form that was sent as browsers send them; nothing of any other body."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "the form is too large")
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    return {name: values[-1] for name, values in found.items()}
