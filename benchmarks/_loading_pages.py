"""Answers of KIS on their way into the warehouse: the real parser, the checks and the load, window by window."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import requests
from psycopg2.extensions import connection as Connection  # noqa: N812

from benchmarks._loading_bars import ANSWERED, SOURCE, sessions
from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.loading.checks.judge import Asked
from data_pipeline.loading.checks.screen import screen
from data_pipeline.loading.rows.ingest_run import start_run
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.clock import market_now
from data_pipeline.market.records import DailyBar
from data_pipeline.market.rejections import collecting
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.sources.kis.endpoints import Endpoint
from data_pipeline.sources.kis.history import History
from data_pipeline.sources.kis.parse_answer import Answer, parse_answer
from data_pipeline.sources.kis.server_clock import ServerClock

WINDOW_CODES = 100
"""A window of 50,000 rows, as the operator cuts them."""


class _Pages:
    """Gives the answers of a file in their order."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def call(self, endpoint: Endpoint, params: Mapping[str, str], subject: str) -> Answer:
        del params
        response = requests.Response()
        response.status_code, response.raw = 200, io.BytesIO(self._file.readline())
        return parse_answer(response, f"KIS {endpoint.name} of {subject}", subject, ANSWERED)


def load_pages(connection: Connection, pages: Path, stock_codes: list[str]) -> dict[str, int]:
    """Load a file of answers, each window in a transaction of its own, and return the counts.

    Args:
        connection: The loader's.
        pages: One answer a line: all sessions of one code, newest first, then those of the next.
        stock_codes: Whose bars they are, in the same order.
    """
    total: Counter[str] = Counter()
    first, last = sessions()[0], sessions()[-1]
    with ExitStack() as stack:
        file = stack.enter_context(pages.open("rb"))
        held = stack.enter_context(collecting())
        history = History(_Pages(file).call, ServerClock(lambda: ANSWERED), krx_calendar())
        rest = iter(stock_codes)
        while window := list(islice(rest, WINDOW_CODES)):
            run_id = start_run(connection, DAILY_BAR.table.name, SOURCE, first=first, last=last)
            connection.commit()
            bars: list[DailyBar] = [bar for code in window for bar in history.daily_bars(code, first, last)]
            expected = {(code, session) for code in window for session in sessions()}
            asked = Asked(window, first, last, expected)
            good = screen(connection, DAILY_BAR, bars, asked, held, SOURCE, run_id, now=market_now())
            total.update(asdict(upsert(connection, DAILY_BAR.table, good, SOURCE, run_id)))
            connection.commit()
    return dict(total)
