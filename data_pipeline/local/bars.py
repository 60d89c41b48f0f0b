"""`data-pipeline bars`: stored bars of one instrument, and never a gap that looks like none."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from rich.table import Table

from data_pipeline.local.home import Home
from data_pipeline.local.looking import BARS
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.output import columns, console, write_json
from data_pipeline.local.waiting import waiting
from data_pipeline.market.trading_calendar import krx_calendar

if TYPE_CHECKING:
    from data_pipeline.read.plans import Plan


def show_bars(options: argparse.Namespace, home: Home, environ: Mapping[str, str], now: datetime) -> int:
    """Print the bars and return 0.

    Raises:
        InvalidRequestError: An option is malformed or does not go with another.
        UnknownStockError, IncompleteDataError: As :func:`data_pipeline.read.daily_bars`; the message says what to do.
    """
    from data_pipeline.read.forms import rows_of

    plan = plan_of(options, now)
    with waiting("reading"), open_warehouse(home, environ) as warehouse:
        names, rows = rows_of(plan, warehouse.reader_url)
    if options.json:
        told = {"as_of": options.as_of, "adjusted": bool(options.adjusted), "complete": not options.incomplete}
        write_json({**told, "stock_code": options.stock_code, "columns": names, "rows": rows})
        return 0
    console().print(_table(options.stock_code, names, rows))
    return 0


def _table(code: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return the bars for people; where they come from one source only, that stands below."""
    sources = sorted({str(row[names.index("source")]) for row in rows})
    hidden = {"stock_code", *(["source"] if len(sources) < 2 else []), *(["session"] if "at" in names else [])}
    kept = [number for number, name in enumerate(names) if name not in hidden]
    caption = f"{code}: {_count(len(rows))} from {', '.join(sources) or 'nowhere'}"
    table = Table(box=None, header_style="bold", caption=caption, padding=(0, 1, 0, 0), pad_edge=False)
    for number in kept:
        left = names[number] in ("session", "at", "source")
        table.add_column(names[number], justify="left" if left else "right", no_wrap=left)
    for row in rows:
        table.add_row(*(_shown(row[number]) for number in kept))
    return columns(table)


def plan_of(options: argparse.Namespace, now: datetime) -> Plan:
    """Return the read that the options describe; without a range the newest sessions.

    Raises:
        InvalidRequestError: An option is malformed or does not go with ``--minutes``.
    """
    from data_pipeline.exceptions import InvalidRequestError
    from data_pipeline.read import plans

    last = options.last or krx_calendar().last_final_session(now)
    complete = not options.incomplete
    if options.minutes:
        if options.adjusted or options.as_of:
            raise InvalidRequestError("--adjusted and --as-of go with daily bars, not with --minutes")
        first = options.first or last
        return plans.plan_minute_bars(options.stock_code, first, last, options.minutes, complete=complete)
    first = options.first or _back(last if isinstance(last, date) else _day(last))
    return plans.plan_daily_bars(
        options.stock_code, first, last, adjusted=options.adjusted, as_of=options.as_of, complete=complete
    )


def _day(text: str) -> date:
    from data_pipeline.engine.windows import as_date

    return as_date(text, "--last")


def _back(last: date) -> date:
    """Return the first of so many sessions up to a day, or the calendar's first day."""
    calendar = krx_calendar()
    days = calendar.sessions(max(calendar.first_day, date.fromordinal(last.toordinal() - 2 * BARS)), last)
    return days[-BARS:][0] if days else last


def _count(rows: int) -> str:
    return "1 bar" if rows == 1 else f"{rows:,} bars"


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
