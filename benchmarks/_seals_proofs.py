"""What proofs add to a load: windows of the synthetic market, of which the ledger's steps are timed by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime
from statistics import median
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Fetched, Run, WindowLoad
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.loading.coverage.ledger import Ledger
from data_pipeline.market.evidence import gathering
from data_pipeline.market.rejections import Rejections
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.warehouse.connect import connect

MOMENT = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)
LAST = date(2026, 9, 22)
_SHAPES = {"minute_bar": (20, 5), "daily_bar": (100, 250)}
"""Codes and sessions of a window."""


class Timed(Warehouse):
    """A warehouse that adds up the seconds of the ledger's steps."""

    seconds = 0.0

    def do(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Take the step."""
        began = time.perf_counter()
        result = super().do(step, *args, **kwargs)
        if isinstance(getattr(step, "__self__", None), Ledger):
            self.seconds += time.perf_counter() - began
        return result


def proof_shares(url: str, windows: int) -> dict[str, float]:
    """Return by dataset the median share of the time from answer to commit that goes into proofs."""
    source = MockDataSource(clock=lambda: MOMENT)
    run = Run(moment=MOMENT, remember_empty=True)
    with closing(connect(url)) as connection:
        load_window(connection, source, DATASETS["instrument"], Window((), LAST, LAST), run)
        with connection.cursor() as cursor:
            cursor.execute("SELECT stock_code::text FROM market.instrument WHERE listed_on < '2020-01-01' ORDER BY 1")
            codes = [code for (code,) in cursor.fetchall()]
        connection.commit()
        shares = {}
        for dataset, (many, sessions) in _SHAPES.items():
            found = []
            for turn in range(windows):
                first = krx_calendar().sessions(date(2025, 1, 2), LAST)[-sessions]
                window = Window(tuple(codes[turn * many : (turn + 1) * many]), first, LAST)
                found.append(_share(connection, dataset, window, source, run))
            shares[f"proof_share_{dataset}"] = round(median(found), 4)
    return shares


def _share(connection: Connection, dataset: str, window: Window, source: MockDataSource, run: Run) -> float:
    one = DATASETS[dataset]
    with gathering() as evidence:
        records: list[Any] = [*one.ask(source, window)]
    with closing(Timed(connection)) as warehouse:
        load = WindowLoad(warehouse, one, source.name, window, run)
        load.start()
        warehouse.commit()
        counting = time.perf_counter()
        for _ in Ledger(one, (), window.sessions, remember_empty=True).watch(records):
            pass
        counted = time.perf_counter() - counting
        load.take(Fetched(records, {}, Rejections(), evidence))
        began = time.perf_counter()
        counts = load.store()
        warehouse.commit_run(load.run_id)
        whole = time.perf_counter() - began
        if counts["missing"] or counts["inserted"] != len(records):
            raise RuntimeError(f"{dataset} of {window}: {counts} of {len(records)} rows")
        return (warehouse.seconds + counted) / whole
