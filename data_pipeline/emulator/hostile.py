"""Seeded hostility: which lie an answer tells follows from a seed and the request alone, so a run can be repeated.

The same request hears the same lie again; another seed lies elsewhere. Which other answer a lie is made of is said by
:mod:`data_pipeline.emulator.borrowed`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from data_pipeline.emulator.exchange import Reply, dumps
from data_pipeline.emulator.maintenance import DRESSES

LIES = {
    "empty": "no rows under success",
    "short_newest": "the first rows are missing, at most half",
    "short_oldest": "the last rows are missing, at most half",
    "repeated": "some rows come twice",
    "shifted": "the rows of the page before (of KRX the session before), dated as they are",
    "stale": "the answer as it was a session ago",
    "other_day_row": "a row of an older day among the others, dated as it is",
    "other_day_figures": "one row with the figures of the row before it, under its own date",
    "other_code_row": "one row of another code; where rows name their code, one of them has another's",
    "other_code": "all rows of another code, which fit each other, under the code that was asked for",
    "wrong_status": "the true body under HTTP 400, 403, 404, 429, 500 or 502",
    "web_page": "an HTML page in EUC-KR under HTTP 200 or 503",
    "cut_letter": "the true body, cut inside a letter of several bytes",
    "field_added": "every row has a field that nobody knows",
    "field_moved": "a field of the rows stands in the head, or beside the rows",
    "field_dropped": "one row lacks a field",
    "late": "half of the codes, by seed, stand as a session ago; KRX does not have them yet",
    "stale_board": "one of KRX's services, by seed, shows the figures of the session before under the day asked for",
    "wrong_action": "of half of the codes, by seed, KIS has the base price of the quoted session a fifth too low, as "
    "after a corporate action; from the next session on it is right",
}
"""What an answer may tell in place of the truth."""
OF_A_SEED = ("late", "stale_board", "wrong_action")
"""Lies that a seed tells all the time or never, by code or service; the others are drawn for each request."""
SHARE = 0.25
"""Of all requests, how many are lied to."""
STATUSES = (400, 403, 404, 429, 500, 502)
CODES = ("inter_shrn_iscd", "ISU_CD", "ISU_SRT_CD")
"""Fields by which a row names its code."""
DATES = ("stck_bsop_date", "stck_cntg_hour", "BAS_DD")
Row = dict[str, Any]


def lie_for(seed: int, path: str, query: Mapping[str, str], lies: Sequence[str] = ()) -> str:
    """Return the name of the lie that this request hears; empty for the truth.

    Args:
        seed: Which world this is.
        path: Of the request.
        query: Names in upper case.
        lies: The lies that may be told; empty for all.
    """
    allowed = lies or tuple(LIES)
    always = drawn(seed, "always").choice([*OF_A_SEED, "", ""])
    subject = query.get("FID_INPUT_ISCD", path)
    if always in allowed and _concerns(always, seed, path, subject):
        return always
    chance = drawn(seed, path, *sorted(query.items()))
    passing = [lie for lie in allowed if lie not in OF_A_SEED]
    return chance.choice(passing) if passing and chance.random() < SHARE else ""


def is_chosen(seed: int, what: str) -> bool:
    """Return whether a code or service is of the half that a seed has chosen."""
    return drawn(seed, "half", what).random() < 0.5


def told(lie: str, seed: int, path: str, query: Mapping[str, str], true: bytes, other: bytes | None) -> Reply:
    """Return the answer as a lie leaves it: a pure function of its arguments.

    Args:
        lie: One of ``LIES``.
        seed: Which world this is.
        path: Of the request.
        query: Names in upper case.
        true: The body of the true answer, JSON.
        other: The body that the lie borrows from; None when there is none, and then the truth is told.
    """
    chance = drawn(seed, lie, path, *sorted(query.items()))
    if lie == "wrong_status":
        return Reply(chance.choice(STATUSES), true, lie=lie)
    if lie == "web_page":
        page = DRESSES[chance.choice(("page", "503"))]
        return Reply(page.status, page.body, media=page.media, lie=lie)
    if lie == "cut_letter":
        return _told(lie, _cut(true, chance), true)
    answer = json.loads(true)
    names = [name for name, rows in answer.items() if isinstance(rows, list)]
    if names:
        borrowed = json.loads(other) if other is not None else {}
        rows, others = answer[names[-1]], borrowed.get(names[-1], [])
        answer[names[-1]] = _ROWS[lie](_Page(chance, seed, rows, others, answer, query))
    return _told(lie, dumps(answer), dumps(json.loads(true)), true)


class _Page:
    """The rows of an answer, and what a lie about them may use."""

    def __init__(
        self,
        chance: random.Random,
        seed: int,
        rows: list[Row],
        others: list[Row],
        answer: Row,
        query: Mapping[str, str],
    ) -> None:
        self.chance, self.seed, self.rows, self.others, self.answer = chance, seed, rows, others, answer
        self.query = query

    @property
    def some(self) -> int:
        """A number of rows, at most half of them and at least one."""
        return self.chance.randint(1, max(1, len(self.rows) // 2))

    @property
    def place(self) -> int:
        """The place of a row, drawn anew; 0 when there is none."""
        return self.chance.randrange(len(self.rows)) if self.rows else 0

    def code_name(self) -> str:
        """Return the field by which rows name their code; empty when they do not."""
        return next((name for name in CODES if self.rows and name in self.rows[0]), "")


def _repeated(page: _Page) -> list[Row]:
    twice = page.place
    return [dict(row) for place, row in enumerate(page.rows) for _ in range(1 + (place % 7 == twice % 7))]


def _other_day_row(page: _Page) -> list[Row]:
    older, place = page.others or page.rows[-1:], page.place
    return [*page.rows[:place], *page.chance.sample(older, min(1, len(older))), *page.rows[place:]]


def _other_day_figures(page: _Page) -> list[Row]:
    rows, place, code = [*page.rows], page.place, page.code_name()
    if code:
        before = next((row for row in page.others if rows and row.get(code) == rows[place].get(code)), None)
    else:
        before = rows[place + 1] if place + 1 < len(rows) else None
    if before is not None:
        rows[place] = {**before, **_dates(rows[place])}
    return rows


def _other_code_row(page: _Page) -> list[Row]:
    rows, place, code = [*page.rows], page.place, page.code_name()
    if code and len(rows) > 1:
        rows[place] = {**rows[place], code: rows[place - 1][code]}
    elif rows and not code:
        same = [row for row in page.others if _dates(row) == _dates(rows[place])]
        rows[place] = dict(same[0]) if same else rows[place]
    return rows


def _field_moved(page: _Page) -> list[Row]:
    if not page.rows:
        return []
    name = page.chance.choice(sorted(page.rows[0]))
    page.answer.get("output1", page.answer)[name] = page.rows[0][name]
    return [{key: value for key, value in row.items() if key != name} for row in page.rows]


def _field_dropped(page: _Page) -> list[Row]:
    rows, place = [*page.rows], page.place
    if rows:
        name = page.chance.choice(sorted(rows[place]))
        rows[place] = {key: value for key, value in rows[place].items() if key != name}
    return rows


def _late(page: _Page) -> list[Row]:
    code = page.code_name()
    if not code:
        return page.others
    old = {row[code]: row for row in page.others} if "BAS_DD" not in (page.rows or [{}])[0] else {}
    late = {row[code] for row in page.rows if is_chosen(page.seed, row[code])}
    return [old.get(row[code], row) for row in page.rows if row[code] not in late or row[code] in old]


def _wrong_action(page: _Page) -> list[Row]:
    """Lower the base price of the newest row, or of the quotes of the codes that are chosen."""
    code = page.code_name()
    if code:
        return [_with_lower_base(row) if is_chosen(page.seed, row[code]) else row for row in page.rows]
    return [_with_lower_base(row) if row is page.rows[0] else row for row in page.rows]


def _with_lower_base(row: Row) -> Row:
    prefix = "inter2_" if "inter2_prpr" in row else ""
    close = int(row.get("inter2_prpr") or row.get("stck_clpr") or 0)
    change = f"{prefix}prdy_vrss"
    if not close or change not in row:
        return row
    base = (close - int(row[change])) * 4 // 5
    rise = close - base
    wrong = {**row, change: str(rise), "prdy_vrss_sign": "2" if rise > 0 else "5" if rise < 0 else "3"}
    quoted = {"inter2_sdpr": str(base), "prdy_ctrt": f"{100 * rise / base:.2f}"} if prefix else {}
    return {**wrong, **quoted}


_ROWS: dict[str, Callable[[_Page], list[Row]]] = {
    "empty": lambda _: [],
    "short_newest": lambda page: page.rows[page.some :],
    "short_oldest": lambda page: page.rows[: -page.some],
    "repeated": _repeated,
    "shifted": lambda page: page.others,
    "stale": lambda page: page.others,
    "other_day_row": _other_day_row,
    "other_day_figures": _other_day_figures,
    "other_code_row": _other_code_row,
    "other_code": lambda page: page.others or page.rows,
    "field_added": lambda page: [{**row, "nobody_knows": "1"} for row in page.rows],
    "field_moved": _field_moved,
    "field_dropped": _field_dropped,
    "late": _late,
    "stale_board": lambda page: [{**row, "BAS_DD": page.query.get("BASDD", row["BAS_DD"])} for row in page.others],
    "wrong_action": _wrong_action,
}


def _concerns(lie: str, seed: int, path: str, subject: str) -> bool:
    of_krx = path.startswith("/svc/apis/")
    if lie == "stale_board":
        return of_krx and "bydd_trd" in path and _board(seed) in path
    if subject == path:  # answers of many codes, some of which are chosen
        return "multprice" in path or (of_krx and lie == "late" and "bydd_trd" in path)
    return is_chosen(seed, subject) and (lie == "late" or "daily-itemchartprice" in path)


def _board(seed: int) -> str:
    return drawn(seed, "board").choice(("stk_", "ksq_", "knx_", "etf_"))


def _dates(row: Row) -> Row:
    return {name: row[name] for name in DATES if name in row}


def _cut(body: bytes, chance: random.Random) -> bytes:
    inside = [place for place, byte in enumerate(body) if byte & 0xC0 == 0x80]
    return body[: chance.choice(inside)] if inside else body[: len(body) // 2]


def _told(lie: str, body: bytes, *true: bytes) -> Reply:
    """Return the reply; a lie that left the answer as it is was none."""
    return Reply(200, body, lie="" if body in true else lie)


def drawn(seed: int, *what: object) -> random.Random:
    """Return the draws of a seed for one matter, the same each time."""
    return random.Random(f"{seed}/{what}")  # noqa: S311 - a draw that can be repeated, not a secret
