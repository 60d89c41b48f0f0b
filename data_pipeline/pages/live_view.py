"""The live part of the page of one instrument: drawn by the server, once for all who see the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.morning.window import last_sessions, session_under_way
from data_pipeline.pages.events import EventStream, Watched
from data_pipeline.pages.gate import Gate
from data_pipeline.pages.live import Now, read_now
from data_pipeline.pages.poll import Poll
from data_pipeline.pages.render import Page
from data_pipeline.pages.room import Room
from data_pipeline.pages.views import code_of

WAIT_S = 5.0
"""Seconds that a look waits for a connection that viewers use."""
PARTS = {"last": "live_last.html", "book": "book.html"}
"""The parts of the page that are drawn anew, with their templates; the page draws them with the same."""


@dataclass
class LiveView:
    """Tells browsers what the stream brings."""

    room: Room
    gate: Gate

    @cached_property
    def poll(self) -> Poll[Watched]:
        """The one for all who listen."""
        return Poll(self._look, self.room.ends, wait=self.room.wait)

    async def live(self, request: Request) -> Response:
        """Tell one browser what comes of one instrument, until it goes."""
        page, code = Page.of(request), code_of(request.query_params.get("code"))
        if code is None:
            return PlainTextResponse(page.t("bad_request"), 400)
        return EventStream(self.poll, Watched(code, page), lambda: self.gate.may_stay(request))

    async def _look(self, watched: Collection[Watched]) -> Mapping[Watched, dict[str, str]]:
        return await self.room.readers.ask(lambda connection: self._drawn(connection, watched), WAIT_S)

    def _drawn(self, connection: Connection, watched: Collection[Watched]) -> dict[Watched, dict[str, str]]:
        now = self.room.clock()
        codes = {one.code for one in watched}
        found = read_now(connection, codes, live_session(self.room.calendar(), now), now)
        return {one: _parts(one.page, found[one.code]) for one in watched}


def live_session(calendar: TradingCalendar, now: datetime) -> date:
    """Return the session that is under way, or else the newest one."""
    return session_under_way(calendar, now) or last_sessions(calendar, now, 1)[-1]


def _parts(page: Page, now: Now) -> dict[str, str]:
    values: dict[str, Any] = {"live": now, "book": now.book}
    return {name: page.text(template, values) for name, template in PARTS.items() if name != "book" or now.book}
