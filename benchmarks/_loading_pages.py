"""Answers of KIS on their way into the warehouse: the real parser, the checks, the proofs and the load, by windows."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import BinaryIO

import requests
from psycopg2.extensions import connection as Connection  # noqa: N812

from benchmarks._loading_bars import ANSWERED
from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.engine.one_window import Fetched, Run, WindowLoad
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.market.rejections import collecting
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.window import Window, chunks
from data_pipeline.sources.kis.endpoints import Endpoint
from data_pipeline.sources.kis.history import History
from data_pipeline.sources.kis.parse_answer import Answer, parse_answer
from data_pipeline.sources.kis.server_clock import ServerClock

WINDOW_ROWS = 50_000
"""Rows of a window, as the operator cuts them."""


class _Pages:
    """Gives the answers of a file in their order."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def call(self, endpoint: Endpoint, params: Mapping[str, str], subject: str) -> Answer:
        del params
        response = requests.Response()
        response.status_code, response.raw = 200, io.BytesIO(self._file.readline())
        return parse_answer(response, f"KIS {endpoint.name} of {subject}", subject, ANSWERED)


def load_pages(
    connection: Connection, pages: Path, stock_codes: Sequence[str], sessions: Sequence[date], source: str
) -> dict[str, int]:
    """Load a file of answers, each window in a transaction of its own, and return the counts.

    Args:
        connection: The loader's.
        pages: One answer a line: all sessions of one code, newest first, then those of the next.
        stock_codes: Whose bars they are, in the same order.
        sessions: Of which sessions, oldest first.
        source: What the rows carry in ``source``.
    """
    total: Counter[str] = Counter()
    with pages.open("rb") as file, closing(Warehouse(connection)) as warehouse:
        history = History(_Pages(file).call, ServerClock(lambda: ANSWERED), krx_calendar())
        for codes in chunks(stock_codes, WINDOW_ROWS // len(sessions)):
            window = Window(tuple(codes), sessions[0], sessions[-1])
            load = WindowLoad(warehouse, DAILY_BAR, source, window, Run(remember_empty=True))
            load.start()
            warehouse.commit()
            with collecting() as held:
                bars = [bar for code in codes for bar in history.daily_bars(code, window.first, window.last)]
            load.take(Fetched(bars, {}, held))
            total.update(load.store())
            warehouse.commit_run(load.run_id)
    return dict(total)
