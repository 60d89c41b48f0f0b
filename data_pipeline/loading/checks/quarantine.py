"""The quarantine of refused rows: what came and why it was refused, each row once, until a retry settles it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets.findings import Finding
from data_pipeline.market.rejections import Rejection
from data_pipeline.warehouse.errors import said_plainly

LONGEST_REASON = 2000
LONGEST_TEXT = 1000
MOST_FIELDS = 300

_KEEP = """
    INSERT INTO market.rejected_row (dataset, stock_code, session, payload, reason, source, run_id, origin)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (dataset, source, origin, md5(payload::text), coalesce(stock_code, ''), coalesce(session, 'infinity'))
        WHERE settled_at IS NULL
    DO UPDATE SET times = rejected_row.times + 1, reason = excluded.reason, run_id = excluded.run_id,
        loaded_at = statement_timestamp()
"""


def keep_rejections(
    connection: Connection, dataset: str, source: str, rejections: Iterable[Rejection], run_id: int | None = None
) -> int:
    """Put rows into quarantine and return how many; never commits.

    A row that is already there and not settled is counted again (``times``), not stored again.

    Raises:
        ConfigurationError: The warehouse is not migrated, or the user may not load.
        TransientError: The connection was lost or a lock was in the way; trying again can help.
    """
    count = 0
    with said_plainly("rejected_row"), connection.cursor() as cursor:
        for one in rejections:
            payload, reason = json_text(one.payload), _clean(one.reason)[:LONGEST_REASON]
            values = (dataset, one.stock_code, one.session, payload, reason, source, run_id, _clean(one.origin))
            cursor.execute(_KEEP, values)
            count += 1
    return count


def as_rejection(finding: Finding) -> Rejection:
    """Return a finding about a record as a row for the quarantine."""
    record = finding.record
    session = getattr(record, "session", None) or getattr(record, "at", None) or getattr(record, "observed_at", None)
    day = session.date() if isinstance(session, datetime) else session
    return Rejection(asdict(record), f"{finding.check}: {finding.problem}", getattr(record, "stock_code", None), day)


def json_text(payload: Mapping[str, Any]) -> str:
    """Return a payload as JSON that Postgres accepts: no NUL, no lone surrogate, texts cut after 1,000 characters."""
    return json.dumps(_plain(dict(list(payload.items())[:MOST_FIELDS])), ensure_ascii=False)


def record_of(kind: type, payload: Mapping[str, Any]) -> Any:
    """Return the record whose values are the payload of a row with the origin ``record``.

    Raises:
        ValueError, KeyError, TypeError: The payload is not a record of this class.
    """
    # What takes no part in a comparison (an answer's age) is not asked of rows that were set aside before it was there.
    values = {one.name: payload[one.name] for one in fields(kind) if one.compare or one.name in payload}
    for name, annotation in kind.__annotations__.items():
        if annotation == "date" and isinstance(values[name], str):
            values[name] = date.fromisoformat(values[name])
        elif annotation == "datetime":
            values[name] = datetime.fromisoformat(values[name])
        elif annotation.startswith("float") and isinstance(values.get(name), str):
            values[name] = float(values[name])  # a number that is no whole one is kept as text
    return kind(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_clean(str(name))[:LONGEST_TEXT]: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value[:MOST_FIELDS]]
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, (bool, int)):
        return value
    text = value.isoformat() if isinstance(value, (date, datetime)) else str(value)
    return _clean(text)[:LONGEST_TEXT]


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
