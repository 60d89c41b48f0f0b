"""Stock master files as faults leave them: cut, short, or by seed whatever a hostile server sends in place of one."""

from __future__ import annotations

from datetime import date

from data_pipeline.emulator.exchange import Reply
from data_pipeline.emulator.faults import Fault
from data_pipeline.emulator.hostile import STATUSES, drawn, lie_for
from data_pipeline.emulator.kis.master import FILES, lines_of, master_file, zipped
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.maintenance import DRESSES

LIES = (
    "empty",
    "short_newest",
    "short_oldest",
    "repeated",
    "stale",
    "other_code",
    "wrong_status",
    "web_page",
    "cut_letter",
    "field_dropped",
)
"""Those of ``hostile.LIES`` that a file can tell: ``other_code`` is the file of another market."""
MEDIA = "application/zip"


def spoilt(fault: Fault, true: bytes) -> bytes:
    """Return a master file as this fault leaves it: cut in the middle, with its first rows only, or as it is."""
    if fault.kind == "truncated":
        return true[: len(true) // 2]
    if fault.kind != "short_page":
        return true
    name, lines = lines_of(true)
    return zipped(name, b"".join(lines[: fault.rows]))


def told(view: MarketView, seed: int, path: str, name: str, session: date) -> Reply:
    """Return one market's file as a seed leaves it; the true one for most.

    Args:
        view: The market.
        seed: Which world this is.
        path: Of the request.
        name: Of the file, one of ``FILES``.
        session: The session that it describes.
    """
    true = master_file(view, name, session)
    # The path is the same on every session.
    query = {"SESSION": str(session)}
    lie = lie_for(seed, path, query, LIES)
    chance = drawn(seed, lie, path, *query.items())
    if lie == "wrong_status":
        return Reply(chance.choice(STATUSES), true, media=MEDIA, lie=lie)
    if lie == "web_page":
        page = DRESSES[chance.choice(("page", "503"))]
        return Reply(page.status, page.body, media=page.media, lie=lie)
    if lie == "stale":
        body = master_file(view, name, view.calendar.previous_session(session))
    elif lie == "other_code":
        body = master_file(view, chance.choice([one for one in FILES if one != name]), session)
    elif lie == "cut_letter":
        body = true[: len(true) // 2]
    else:
        file, lines = lines_of(true)
        some = chance.randint(1, max(1, len(lines) // 2))
        place = chance.randrange(len(lines))
        kept = {
            "empty": [],
            "short_newest": lines[some:],
            "short_oldest": lines[:-some],
            "repeated": [*lines[:place], lines[place], *lines[place:]],
            "field_dropped": [*lines[:place], lines[place][:40] + b"\n", *lines[place + 1 :]],
        }.get(lie, lines)
        body = zipped(file, b"".join(kept)) if kept != lines else true
    return Reply(200, body, media=MEDIA, lie="" if body == true else lie)
