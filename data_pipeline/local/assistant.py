"""`data-pipeline mcp`: typed questions of assistants over the Model Context Protocol, without a word of SQL.

Every answer says whose rows it holds, whether prices are adjusted, as of when, and which gap lies open in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any, Literal

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.exceptions import ConfigurationError, IncompleteDataError, InvalidRequestError
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.local.output import as_json_value, write_json
from data_pipeline.local.reader import opened_reader
from data_pipeline.market.origin import origin_of
from data_pipeline.morning.lacking import read_lacking
from data_pipeline.read import plans
from data_pipeline.read.arguments import as_codes, as_range
from data_pipeline.read.forms import rows_of

MOST_ROWS = 5_000
"""Rows of one answer; an assistant that wants more asks for a part."""
MOST_GAPS = 100
NOTHING_EXPECTED = "nothing is expected of this range, because nothing was ever loaded for it"
TIMEOUT_S = 30.0
INSTRUCTIONS = (
    "Korean stock market data out of one warehouse. Codes are six characters of text, as 005930. Prices are won, "
    "volumes shares, days are dates in Seoul. Repeat to the user what an answer says under made_up, adjusted, as_of, "
    "complete and warning: made-up rows are no market, and an answer that is not complete has gaps."
)
Opened = Callable[[], AbstractContextManager[Connection]]


class Answers:
    """The questions that an assistant may ask; each method is a tool, and its docstring what the assistant reads.

    Args:
        opened: Opens the warehouse for one answer, with a login that can only read.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def bars(
        self,
        stock_code: str,
        first: str,
        last: str,
        minutes: Literal[0, 1, 5, 30] = 0,
        adjusted: bool = True,
        as_of: str = "",
    ) -> dict[str, Any]:
        """Stored bars of one instrument, oldest first, both days included.

        minutes: 0 for daily bars, or bars of so many minutes (never adjusted). adjusted: daily prices in terms of the
        newest session, splits taken out; false gives them as traded. as_of: daily bars as the warehouse held them at
        that moment, ISO 8601 with a zone; empty for now. When complete is false, warning says what is missing.
        """
        if minutes and as_of:
            raise InvalidRequestError("as_of goes with daily bars, not with minutes")

        def plan(*, complete: bool) -> plans.Plan:
            if minutes:
                return plans.plan_minute_bars(stock_code, first, last, minutes, complete=complete)
            when = as_of or None
            return plans.plan_daily_bars(stock_code, first, last, adjusted=adjusted, as_of=when, complete=complete)

        with self._opened() as connection:
            warning = ""
            try:
                names, rows = rows_of(plan(complete=True), connection)
            except IncompleteDataError as error:
                warning = str(error)
                names, rows = rows_of(plan(complete=False), connection)
        told = _said(names, rows, warning)
        return {**told, "stock_code": stock_code, "adjusted": bool(adjusted and not minutes), "as_of": as_of or "now"}

    def instruments(self, on: str = "", search: str = "") -> dict[str, Any]:
        """Instruments (종목), by code: all ever seen, or with on (a day) those listed then, as they stood.

        search: a part of the code or of the Korean name; empty for all, which may be too many for one answer.
        """
        with self._opened() as connection:
            names, rows = rows_of(plans.plan_instruments(on or None), connection)
        code, name = names.index("stock_code"), names.index("name")
        wanted = search.strip().casefold()
        found = [row for row in rows if wanted in f"{row[code]} {row[name]}".casefold()]
        return {**_said(names, found, ""), "on": on or "ever"}

    def coverage(self, first: str, last: str, dataset: str = "") -> dict[str, Any]:
        """For each dataset and final session of the range, how many cells must exist and how many do.

        missing counts unproven ones too. A session of which nothing is expected has no row: that proves nothing.
        """
        plan = plans.plan_coverage(first, last, dataset or None)  # checks the words
        begin, end = as_range(first, last)
        with self._opened() as connection:
            found = coverage(connection, begin, end, dataset or None)
        missing = sum(one.missing for one in found)
        warning = "" if found else NOTHING_EXPECTED
        warning = f"{missing} cells are missing or not proved" if missing else warning
        return {"dataset": dataset or "all", "unit": plan.frame.name, "complete": not warning, "warning": warning,
                "rows": as_json_value(found)}  # fmt: skip

    def gaps(self, first: str, last: str, dataset: str = "", stock_codes: list[str] | None = None) -> dict[str, Any]:
        """Which instruments lack sessions of the range, of which dataset, and what is known of the reason."""
        plans.plan_coverage(first, last, dataset or None)
        begin, end = as_range(first, last)
        codes = as_codes(stock_codes) if stock_codes else None
        with self._opened() as connection:
            found = read_lacking(connection, begin, end, dataset=dataset or None, stock_codes=codes, most=MOST_GAPS)
            empty = not found.of and not coverage(connection, begin, end, dataset or None)
        warning = NOTHING_EXPECTED if empty else f"{found.of} instruments lack something" if found.of else ""
        more = found.of > len(found.named)
        return {"complete": not warning, "warning": warning, "of": found.of, "more": more,
                "gaps": as_json_value(found.named)}  # fmt: skip

    def tools(self) -> tuple[Callable[..., dict[str, Any]], ...]:
        """Every question."""
        return self.bars, self.instruments, self.coverage, self.gaps


def serve(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer on standard input and output until the assistant leaves; with ``--json`` only say what can be asked.

    Raises:
        ConfigurationError: The extra ``mcp`` is not installed.
    """
    answers = Answers(lambda: opened_reader(environ, "mcp", TIMEOUT_S))
    if options.json:
        write_json({"tools": [{"name": one.__name__, "about": one.__doc__} for one in answers.tools()]})
        return 0
    server_of(answers).run("stdio")
    return 0


def server_of(answers: Answers) -> Any:
    """Return the server that offers the questions, each marked as one that changes nothing.

    Raises:
        ConfigurationError: The extra ``mcp`` is not installed.
    """
    try:
        server, types = import_module("mcp.server.mcpserver"), import_module("mcp.types")
    except ImportError:
        raise ConfigurationError(
            "mcp is not installed in this Python: pip install 'korean-market-pipeline[mcp]'"
        ) from None
    made = server.MCPServer("korean-market-data", instructions=INSTRUCTIONS, log_level="WARNING")
    only_reads = types.ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
    for one in answers.tools():
        made.add_tool(one, annotations=only_reads)
    return made


def _said(names: list[str], rows: list[list[Any]], warning: str) -> dict[str, Any]:
    """Return rows with what has to be said beside them.

    Raises:
        InvalidRequestError: They are too many for one answer.
    """
    if len(rows) > MOST_ROWS:
        raise InvalidRequestError(f"{len(rows):,} rows are too many for one answer: ask for {MOST_ROWS:,} at most")
    place = names.index("source")
    sources = sorted({str(row[place]) for row in rows})
    made_up = any(origin_of(source).made_up for source in sources)
    told = {"sources": sources, "made_up": made_up, "complete": not warning, "warning": warning}
    return {**told, "columns": names, "rows": as_json_value(rows)}
