"""Stored daily bars that are believed only when they are told twice: doubted until then, as is the bar after them.

Either of the two may be of another instrument or session, so both are asked for again; what comes again as it stands is
believed. Which bars those are is said by :func:`~data_pipeline.datasets.findings.why_doubtful`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json, execute_values

from data_pipeline.datasets.findings import why_doubtful
from data_pipeline.market.origin import origin_of
from data_pipeline.market.records import DailyBar
from data_pipeline.warehouse.errors import said_plainly

if TYPE_CHECKING:
    from data_pipeline.market.window import Cell

log = logging.getLogger(__name__)

AFTER_IT = "the bar before it is doubted: either may be of another instrument or session"
_NAMES = [one.name for one in fields(DailyBar)]
_MONTH = timedelta(days=31)
"""No two sessions that follow each other are further apart."""

_THREE = f"""
    WITH wanted AS (
        SELECT v.code, v.day, (SELECT max(c.session) FROM market.calendar_session c WHERE c.session < v.day) AS before,
            (SELECT min(c.session) FROM market.calendar_session c WHERE c.session > v.day) AS after
        FROM unnest(%(codes)s::text[], %(days)s::date[]) AS v (code, day)
    ), bar AS (
        SELECT * FROM market.daily_bar WHERE stock_code = ANY (%(codes)s) AND session BETWEEN %(first)s AND %(last)s
    )
    SELECT {", ".join(f"{one}.{name}" for one in "pbn" for name in _NAMES)}, b.source::text, n.source::text
    FROM wanted w
    JOIN bar p ON (p.stock_code, p.session) = (w.code, w.before)
    JOIN bar b ON (b.stock_code, b.session) = (w.code, w.day)
    JOIN bar n ON (n.stock_code, n.session) = (w.code, w.after)
    WHERE %(run_id)s IN (p.run_id, b.run_id, n.run_id)
"""  # noqa: S608 - names of our own
_DOUBT = """
    INSERT INTO market.proof (dataset, stock_code, session, state, proof, figures, rows, source, run_id) VALUES %s
    ON CONFLICT (dataset, stock_code, session) DO NOTHING
"""


def doubt_unjoined(connection: Connection, cells: Collection[Cell], source: str, run_id: int) -> None:
    """Doubt those of the bars that are doubtful between their neighbours, and the bars after them; never commits.

    Left alone are bars of the exchange, bars of a source that ranks higher than this one, and bars that came again as
    they stand beside neighbours that stand too.

    Args:
        connection: The load's own, after its rows are written and what was noted of their cells is taken back.
        cells: The bars to look at, by code and session, beside a base price that moved.
        source: Who told the bars of this load.
        run_id: The ``ingest_run`` of the load.
    """
    if not cells:
        return
    codes, days = zip(*sorted(cells), strict=True)
    reach = {"first": min(days) - _MONTH, "last": max(days) + _MONTH}
    values = []
    with said_plainly("coverage"), connection.cursor() as cursor:
        cursor.execute(_THREE, {"codes": list(codes), "days": list(days), "run_id": run_id, **reach})
        for *found, told_by, next_by in cursor.fetchall():
            before, bar, after = (DailyBar(*found[at : at + len(_NAMES)]) for at in range(0, len(found), len(_NAMES)))
            why = why_doubtful(before, bar, after) if _may_be_wrong(told_by, source) else ""
            if not why:
                continue
            log.warning("daily_bar of %s on %s is doubted: %s", bar.stock_code, bar.session, why)
            values.append((*_doubted(before, bar, why), told_by, run_id))
            if _may_be_wrong(next_by, source):
                values.append((*_doubted(bar, after, AFTER_IT), next_by, run_id))
        if values:
            execute_values(cursor, _DOUBT, values, page_size=1000)


def _doubted(before: DailyBar, bar: DailyBar, why: str) -> tuple[object, ...]:
    figures = Json({"close_before": before.close, "base": bar.close - bar.change, "close": bar.close})
    return ("daily_bar", bar.stock_code, bar.session, "doubted", why, figures, 1)


def _may_be_wrong(told_by: str, source: str) -> bool:
    """Return whether a bar may be doubted because of this source's."""
    return not origin_of(told_by).official and origin_of(told_by).rank <= origin_of(source).rank
