"""Spoils a right answer in the way a fault asks for."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from data_pipeline.emulator.faults import Fault

HTML_PAGE = (
    b"<!DOCTYPE html><html><head><title>Service Unavailable</title></head>"
    b"<body><h1>Service Unavailable</h1><p>The service is temporarily unavailable.</p></body></html>"
)
KEPT_IN_SHELL = ("rprs_mrkt_kor_name", "temp_stop_yn")
CODE_FIELDS = ("stck_shrn_iscd", "inter_shrn_iscd", "pdno", "ISU_CD", "ISU_SRT_CD")


def spoil(fault: Fault, body: bytes) -> bytes:
    """Return ``body`` as this fault leaves it; kinds that do not change the body return it as it is."""
    if fault.kind == "truncated":
        return body[: max(1, len(body) // 2)]
    change = {
        "empty_shell": _empty_shell,
        "empty_rows": _empty_rows,
        "short_page": _short_page,
        "missing_field": _missing_field,
        "non_numeric": _non_numeric,
        "scaled": _scaled,
        "closed_day": _closed_day,
        "wrong_code": _wrong_code,
        "duplicate_rows": _duplicate_rows,
    }.get(fault.kind)
    if change is None:
        return body
    answer = json.loads(body)
    change(fault, answer)
    return json.dumps(answer, ensure_ascii=False).encode()


def _outputs(answer: dict[str, Any]) -> list[str]:
    return [name for name in answer if name.lower().startswith("out")]


def _objects(answer: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for name in _outputs(answer):
        found += answer[name] if isinstance(answer[name], list) else [answer[name]]
    return found or [answer]


def _empty_shell(_: Fault, answer: dict[str, Any]) -> None:
    for name in _outputs(answer):
        output = answer[name]
        kept = {key: output[key] for key in KEPT_IN_SHELL if key in output} if isinstance(output, dict) else {}
        answer[name] = [] if isinstance(output, list) else kept


def _empty_rows(_: Fault, answer: dict[str, Any]) -> None:
    for name in _outputs(answer):
        if isinstance(answer[name], list):
            answer[name] += [{}, {}, {}]


def _short_page(fault: Fault, answer: dict[str, Any]) -> None:
    """Cut the rows, which come newest first."""
    for name in _outputs(answer):
        rows = answer[name]
        if isinstance(rows, list) and fault.rows < len(rows):
            newer = {"newest": 0, "middle": (fault.rows + 1) // 2}.get(fault.value, fault.rows)
            answer[name] = rows[:newer] + rows[len(rows) - (fault.rows - newer) :]


def _missing_field(fault: Fault, answer: dict[str, Any]) -> None:
    for found in _objects(answer):
        found.pop(fault.field, None)


def _non_numeric(fault: Fault, answer: dict[str, Any]) -> None:
    for found in _objects(answer):
        if fault.field in found:
            found[fault.field] = fault.value or "N/A"


def _scaled(fault: Fault, answer: dict[str, Any]) -> None:
    for found in _objects(answer):
        codes = [found[name] for name in CODE_FIELDS if name in found]  # none in the rows of a chart
        if fault.field in found and (not codes or fault.stock_code in codes):
            found[fault.field] = str(int(int(found[fault.field]) * float(fault.value)))


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def _closed_day(_: Fault, answer: dict[str, Any]) -> None:
    """Put a copy of a row before the day that follows it, where that is no session; rows come newest first."""
    for name in _outputs(answer):
        rows = answer[name] if isinstance(answer[name], list) else []
        days = [_day(row["stck_bsop_date"]) for row in rows if "stck_bsop_date" in row]
        for place, (newer, older) in enumerate(pairwise(days), 1):
            closed = older + timedelta(days=1)
            if closed < newer:
                rows.insert(place, {**rows[place], "stck_bsop_date": f"{closed:%Y%m%d}"})
                break


def _wrong_code(fault: Fault, answer: dict[str, Any]) -> None:
    code = fault.value or "999999"
    for found in _objects(answer):
        for name in CODE_FIELDS:
            if name in found:
                found[name] = f"00000A{code}" if name == "pdno" else code


def _duplicate_rows(_: Fault, answer: dict[str, Any]) -> None:
    for name in _outputs(answer):
        if isinstance(answer[name], list):
            answer[name] = [dict(row) for row in answer[name] for _ in range(2)]
