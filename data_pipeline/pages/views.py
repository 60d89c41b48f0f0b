"""The pages themselves: what was asked, checked; what was read; which template shows it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from secrets import token_hex
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets import DATASETS
from data_pipeline.market.records import require_stock_code
from data_pipeline.morning.lacking import read_lacking
from data_pipeline.morning.loads import read_runs_of
from data_pipeline.morning.verdict import RUNS, alerts, exit_code
from data_pipeline.morning.window import last_sessions
from data_pipeline.pages import instrument as of_one
from data_pipeline.pages.alerts import shown_alerts
from data_pipeline.pages.buttons import HEAL, RETRY, Buttons
from data_pipeline.pages.kept import Kept
from data_pipeline.pages.morning import Morning, as_facts, read_morning
from data_pipeline.pages.one_page import read_instrument
from data_pipeline.pages.panel import Panel, panel
from data_pipeline.pages.panels import by_kind, left_to_rest
from data_pipeline.pages.render import Page
from data_pipeline.pages.room import Room
from data_pipeline.pages.sheet import Sheet

FRESH_S = 10.0
"""Seconds for which viewers share what was read."""
LONGEST_TEXT = 40
HEAL_TOKEN, RETRY_TOKEN = token_hex(16), token_hex(16)
"""What stands in the place of a viewer's own tokens on a page that many share; nobody outside can know it."""
MARKS = (HEAL_TOKEN, RETRY_TOKEN)


@dataclass(frozen=True)
class _Read:
    """What was read for a page, and the page as drawn from it for each language and right; both end together."""

    values: Any
    sheets: Kept = field(default_factory=Kept)


@dataclass(frozen=True)
class Views:
    """Every page."""

    room: Room
    buttons: Buttons

    async def morning(self, request: Request) -> Response:
        """Show whether the data is complete and true today."""
        page, room = Page.of(request), self.room

        async def read_keys() -> Panel:
            return await room.readers.run(lambda: panel(None, room.keys))

        found = await self._read("morning", lambda connection: read_morning(room, connection))
        keys: Panel = await room.kept.get("keys", FRESH_S, read_keys)
        heal, retry = await self.buttons.show(request, HEAL), await self.buttons.show(request, RETRY)
        shared = {"heal": heal.shared(HEAL_TOKEN), "retry": retry.shared(RETRY_TOKEN)}
        sheet = await self._drawn(
            found, page, "morning.html", lambda: {**_shown(found.values, keys), **shared}, *shared.values()
        )
        return sheet.answer(request, {HEAL_TOKEN: heal.token, RETRY_TOKEN: retry.token})

    async def cell(self, request: Request) -> Response:
        """Show one dataset on one session: its codes, its loads and their logs."""
        page, room = Page.of(request), self.room
        dataset, session = request.query_params.get("dataset", ""), _date(request.query_params.get("session"))
        if dataset not in DATASETS or session is None:
            return _bad(page)

        def read(connection: Connection) -> dict[str, Any]:
            now = room.clock()
            return {
                "lacking": panel(
                    connection, lambda: read_lacking(connection, session, session, dataset=dataset, most=500)
                ),
                "runs": panel(connection, lambda: read_runs_of(connection, dataset, session)),
                "around": _around(last_sessions(room.calendar(), now), session),
            }

        found = await self._read(("cell", dataset, session), read)
        heal = await self.buttons.show(request, HEAL)
        shared = heal.shared(HEAL_TOKEN)
        values = {"dataset": dataset, "session": session, **found.values, "heal": shared}
        sheet = await self._drawn(found, page, "cell.html", lambda: values, shared)
        return sheet.answer(request, {HEAL_TOKEN: heal.token})

    async def search(self, request: Request) -> HTMLResponse:
        """Show the instruments that a code or a name may mean."""
        page, readers = Page.of(request), self.room.readers
        text = request.query_params.get("text", "").strip()[:LONGEST_TEXT]
        found = await readers.ask(lambda connection: of_one.find(connection, text)) if text else []
        return await readers.draw(lambda: page.render("search.html", {"text": text, "found": found}))

    async def instrument(self, request: Request) -> Response:
        """Show one instrument: prices, minutes, the order book, its history, and how whole all that is."""
        page, room, asked = Page.of(request), self.room, request.query_params
        code, reach = code_of(asked.get("code")), asked.get("range", "1y")
        raw, session = asked.get("prices", "adjusted") == "raw", _date(asked.get("session"))
        if code is None or reach not in of_one.RANGES:
            return _bad(page)
        days = timedelta(days=of_one.RANGES[reach])
        found = await self._read(
            ("instrument", code, reach, raw, session),
            lambda connection: read_instrument(room, connection, code, days, session, adjusted=not raw),
        )
        values = {"code": code, "reach": reach, "raw": raw, "ranges": of_one.RANGES, **found.values}
        sheet = await self._drawn(found, page, "instrument.html", lambda: values)
        return sheet.answer(request)

    async def _read(self, question: Hashable, read: Callable[[Connection], Any]) -> _Read:
        """Return what is read for a page, at most ten seconds ago and once for all who look."""

        async def work_out() -> _Read:
            return _Read(await self.room.readers.ask(read))

        found: _Read = await self.room.kept.get(question, FRESH_S, work_out)
        return found

    async def _drawn(
        self, found: _Read, page: Page, template: str, values: Callable[[], Mapping[str, Any]], *rights: Hashable
    ) -> Sheet:
        """Return the page, drawn once for all of one language and the same rights; their forms' tokens are marks."""

        async def draw() -> Sheet:
            return await self.room.readers.draw(lambda: Sheet(page.text(template, values()), MARKS))

        sheet: Sheet = await found.sheets.get((page, *rights), float("inf"), draw)
        return sheet


def _shown(found: Morning, keys: Panel) -> dict[str, Any]:
    facts = as_facts(found, keys)
    runs, lines = found.parts[RUNS].value or (), found.parts["lines"].value or ()
    return {
        "found": found,
        "grid": found.grid.value,
        "keys": keys,
        "alerts": shown_alerts(alerts(facts)),
        "code": exit_code(facts),
        "said": [one for one in runs if one.error or one.status == "failed"],
        "rest": left_to_rest(lines),
        "by_kind": by_kind,
        **found.parts,
    }


def _bad(page: Page) -> HTMLResponse:
    return page.render("message.html", {"bad": True, "heading": page.t("bad_request")}, 400)


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def code_of(text: str | None) -> str | None:
    """Return the short code that a text is, in capitals; None when it is none."""
    try:
        return require_stock_code((text or "").strip().upper())
    except ValueError:
        return None


def _around(sessions: tuple[date, ...], session: date) -> dict[str, date | None]:
    earlier = [one for one in sessions if one < session]
    later = [one for one in sessions if one > session]
    return {"earlier": earlier[-1] if earlier else None, "later": later[0] if later else None}
