"""How the morning looks on a terminal of 80 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from data_pipeline.local.output import columns
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.dataset_names import WITH_CELLS
from data_pipeline.morning.facts import Alert, LoadRun, Morning, Stored, StreamLine
from data_pipeline.morning.keys import Keys
from data_pipeline.morning.verdict import DOUBTFUL, MISSING, alerts, exit_code

if TYPE_CHECKING:
    from data_pipeline.loading.coverage.cells import Coverage

NAME, CELL = 15, 8
"""Columns that the name of a dataset and one session take."""
MOST_SHOWN = 12
"""Sessions in one line where it could be endless, as in a mail; all of them count, and those that lack something are
named below."""
SHOWN = 8
"""How many runs and instruments are named; `--json` has them all."""
STYLE = {MISSING: "red", DOUBTFUL: "yellow"}
KIND = {"made-up": "every row is MADE UP by the synthetic market", "real": "real rows", "empty": "no row yet"}
VERDICT = {
    0: ("Complete and true.", "green"),
    1: ("Not complete, or not proved: see above.", "red"),
    2: ("It cannot be told: see above.", "red"),
}


def screen(morning: Morning, width: int = 80) -> Iterator[RenderableType]:
    """Yield the parts of the screen from the top."""
    yield Text(f"{morning.now.astimezone(SEOUL):%Y-%m-%d %H:%M} in Seoul", "bold")
    if morning.stored:
        yield Text(f"Warehouse: {KIND[morning.stored.kind]}")
        looked = f"{len(morning.stored.sessions)} sessions" if len(morning.stored.sessions) > 1 else "the session"
        yield Text(f"Newest final session: {morning.stored.session}; {looked} up to it looked at")
        yield from _stored(morning.stored, min(MOST_SHOWN, max(1, (width - NAME) // CELL)))
    if morning.keys:
        yield from _keys(morning.keys)
    yield from _alerts(alerts(morning))
    yield Text(*VERDICT[exit_code(morning)])


def _stored(stored: Stored, room: int) -> Iterator[RenderableType]:
    if stored.coverage:
        yield _completeness(stored, stored.sessions[-room:])
    if silent := [name for name in WITH_CELLS if name not in {one.dataset for one in stored.coverage}]:
        yield Text(f"never loaded: {', '.join(silent)}", "dim")
    if stored.lacking:
        yield _lacking(stored)
    if stored.runs:
        yield _runs(stored.runs)
    yield from map(_line, stored.lines)
    if stored.restated:
        rows: Counter[tuple[str, str]] = Counter()
        for one in stored.restated:
            rows[one.dataset, one.operation] += one.rows
        said = (f"{count:,} rows of {dataset} ({operation})" for (dataset, operation), count in rows.items())
        yield Text(f"Changed within a week, the old versions kept: {', '.join(said)}")


def _line(one: StreamLine) -> Text:
    state = f"silent for {timedelta(seconds=round(one.age))}" if one.silent else one.state
    rest = f"; {one.rest_count:,} left to REST" if one.rest_count else ""
    return Text(f"Stream, key {one.key} on {one.host}: {state}, {one.registered} of {len(one.placed)} registered{rest}")


def _completeness(stored: Stored, sessions: Sequence[date]) -> Table:
    found = {(one.dataset, one.session): one for one in stored.coverage}
    title = "ok all there and proved, -n missing, ?n not proved"
    table = _table(title, "dataset", *(f"{day:%m-%d}" for day in sessions))
    for name in dict.fromkeys(one.dataset for one in stored.coverage):
        table.add_row(name, *(_cell(found.get((name, day))) for day in sessions))
    return table


def _cell(one: Coverage | None) -> Text:
    if one is None:
        return Text("")
    if one.absent:
        return Text(f"-{one.absent:,}", "red")
    if one.doubtful:
        return Text(f"?{one.doubtful:,}", "yellow")
    return Text("ok", "green")


def _lacking(stored: Stored) -> Table:
    table = _table("Missing or not proved", "dataset", "code", "sessions", "why")
    for one in stored.lacking[:SHOWN]:
        days = f"{one.last}" if one.sessions == 1 else f"{one.sessions} up to {one.last}"
        table.add_row(one.dataset, one.stock_code, days, Text(one.why))
    if stored.lacking_of > SHOWN:
        table.caption = f"{SHOWN} of {stored.lacking_of:,}; `data-pipeline gaps` names more"
    return columns(table)


def _runs(runs: Sequence[LoadRun]) -> Table:
    table = _table(
        "Loads of the last day, and the last of each dataset", "ended", "dataset", "from", "", "rows", "calls"
    )
    for one in runs[:SHOWN]:
        ended = f"{one.finished_at.astimezone(SEOUL):%m-%d %H:%M}" if one.finished_at else "runs"
        state = Text(one.status, {"failed": "red", "success": "green"}.get(one.status, ""))
        table.add_row(ended, one.dataset, one.source, state, f"{one.stored:,}", f"{one.requests:,}")
    if len(runs) > SHOWN:
        table.caption = f"{len(runs) - SHOWN:,} more"
    return columns(table)


def _keys(keys: Keys) -> Iterator[RenderableType]:
    if keys.budgets:
        tokens = {one.name: one for one in keys.tokens}
        table = _table("Keys of KIS", "key", "quota used", "calls a second", "next slot", "token renewed in")
        for one in keys.budgets:
            token = tokens.get(one.name)
            left = f"{timedelta(seconds=round(max(0, token.left)))}" if token else "no token"
            ledger = one.name not in tokens and " " in one.name
            table.add_row(one.name, f"{one.used:.0%}", f"{one.rate:.1f}", f"{one.ahead:.1f} s", "" if ledger else left)
        yield columns(table)
    said = [f"{one.source} {one.state}" for one in keys.breakers]
    said += [] if keys.krx_calls_left is None else [f"calls of KRX left today {keys.krx_calls_left:,}"]
    if said:
        yield Text(f"Circuit breakers: {', '.join(said)}")


def _alerts(found: Sequence[Alert]) -> Iterator[RenderableType]:
    for one in found:
        yield Text.assemble((one.level.upper(), STYLE.get(one.level, "bold")), f" {one.about}: {one.said}")
        yield Text(f"    {one.todo}", "dim")


def _table(title: str, *names: str) -> Table:
    table = Table(*names, box=None, header_style="bold", title=title, title_justify="left", title_style="italic")
    table.pad_edge = False
    return table
