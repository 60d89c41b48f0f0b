"""What proofs add to a load, in seconds of CPU of loader and server: the ledger's steps are measured by themselves.

Minutes are parsed from KIS's pages; daily bars come without parsing, so their shares are upper bounds.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from statistics import median
from typing import Any

import requests
from psycopg2.extensions import connection as Connection  # noqa: N812

from benchmarks._market_server import ANSWERS
from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Fetched, Run, WindowLoad
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.loading.coverage.ledger import Ledger
from data_pipeline.market.evidence import gathering
from data_pipeline.market.rejections import Rejections
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.window import Window
from data_pipeline.sources.kis.endpoints import Endpoint
from data_pipeline.sources.kis.minutes import Minutes
from data_pipeline.sources.kis.parse_answer import Answer, parse_answer
from data_pipeline.sources.kis.server_clock import ServerClock
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.warehouse.connect import connect

MOMENT = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)
LAST = date(2026, 9, 22)
_SHAPES = {
    "minute_bar": ("minute_bar", 21, 1),
    "daily_bar": ("daily_bar", 100, 100),
    "daily_session": ("daily_bar", 2700, 1),
}
"""By the end of the figure's name: dataset, codes (at most) and sessions of a window."""


class _Pages:
    """Gives KIS's answers again, each made once."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], bytes] = {}

    def call(self, endpoint: Endpoint, params: Mapping[str, str], subject: str) -> Answer:
        key = (endpoint.path, *params.values())
        if key not in self._kept:
            self._kept[key] = ANSWERS[endpoint.path.rpartition("/")[2]](dict(params))
        response = requests.Response()
        response.status_code, response.raw = 200, io.BytesIO(self._kept[key])
        return parse_answer(response, f"KIS {endpoint.name} of {subject}", subject, MOMENT)


class Timed(Warehouse):
    """A warehouse that adds up the CPU of the ledger's steps."""

    seconds = 0.0

    def do(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Take the step."""
        began = super().do(_cpu)
        result = super().do(step, *args, **kwargs)
        if isinstance(getattr(step, "__self__", None), Ledger):
            self.seconds += super().do(_cpu) - began
        return result


def proof_shares(url: str, windows: int) -> dict[str, float]:
    """Return by shape the median share of the CPU from answer to commit that goes into proofs."""
    source = MockDataSource(clock=lambda: MOMENT)
    run = Run(moment=MOMENT, remember_empty=True)
    with closing(connect(url)) as connection:
        load_window(connection, source, DATASETS["instrument"], Window((), LAST, LAST), run)
        with connection.cursor() as cursor:
            cursor.execute("SELECT stock_code::text FROM market.instrument WHERE listed_on < '2020-01-01' ORDER BY 1")
            codes = [code for (code,) in cursor.fetchall()]
        connection.commit()
        shares = {}
        for shape, (dataset, many, sessions) in _SHAPES.items():
            first = krx_calendar().sessions(date(2025, 1, 2), LAST)[-sessions]
            window = Window(tuple(codes[:many]), first, LAST)
            ask = _asking(dataset, window, source)
            [*ask()]
            found = []
            for _ in range(windows):
                with connection, connection.cursor() as cursor:
                    cursor.execute(f"DELETE FROM market.{dataset}; DELETE FROM market.proof")
                found.append(_share(connection, dataset, window, ask, source.name, run))
            shares[f"proof_share_{shape}"] = round(median(found), 4)
    return shares


def _asking(dataset: str, window: Window, source: MockDataSource) -> Callable[[], Iterable[Any]]:
    """Return what gives the records of a window, anew with each call."""
    if dataset == "daily_bar":  # the pages are of bars at rest, which the checks would refuse
        records = [*DATASETS[dataset].ask(source, window)]
        return lambda: records
    minutes = Minutes(_Pages().call, ServerClock(lambda: MOMENT), krx_calendar(), virtual=False)
    return lambda: (bar for code in window.stock_codes for bar in minutes.bars(code, window.first, window.last))


def _share(
    connection: Connection, dataset: str, window: Window, ask: Callable[[], Iterable[Any]], source: str, run: Run
) -> float:
    one = DATASETS[dataset]
    began = _cpu(connection)
    with gathering() as evidence:
        records: list[Any] = [*ask()]
    parsed = _cpu(connection) - began
    with closing(Timed(connection)) as warehouse:
        load = WindowLoad(warehouse, one, source, window, run)
        load.start()
        warehouse.commit()
        counting = time.process_time()
        for _ in Ledger(one, (), window.sessions, remember_empty=True).watch(records):
            pass
        counted = time.process_time() - counting
        load.take(Fetched(records, {}, Rejections(), evidence))
        began = _cpu(connection)
        counts = load.store()
        warehouse.commit_run(load.run_id)
        whole = parsed + _cpu(connection) - began
        if counts["missing"] or counts["inserted"] != len(records):
            raise RuntimeError(f"{dataset} of {window}: {counts} of {len(records)} rows")
        return (warehouse.seconds + counted) / whole


def _cpu(connection: Connection) -> float:
    """Return the seconds of CPU of this process and its server process; source: proc(5), /proc/pid/schedstat."""
    ran = Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text("ascii").split()[0]
    return time.process_time() + int(ran) / 1e9
