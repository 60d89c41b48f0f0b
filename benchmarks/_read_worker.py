"""One way of reading bars, in a process of its own, so that its peak memory is its own.

Reads a JSON object from its argument: ``method``, ``url``, ``first``, ``last``; prints one with rows, seconds and
``peak_mb``, the largest resident size above that after the imports.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import sqlalchemy

from data_pipeline import read
from data_pipeline.read.parquet import export
from data_pipeline.read.plans import plan_daily_bars
from data_pipeline.warehouse.connect import connect

NAMES = "stock_code, session, open, high, low, close, volume, trading_value, change, source"
RAW = f"""
    SELECT {NAMES} FROM market.daily_bar WHERE session BETWEEN '{{first}}' AND '{{last}}' ORDER BY stock_code, session
"""
ADJUSTED = RAW.replace("daily_bar", "daily_bar_adjusted").replace("source FROM", "factor, source FROM")


class _Nowhere:
    """A file that forgets."""

    def write(self, text: bytes) -> None:
        """Take it."""


def _copy(url: str, first: str, last: str) -> int:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({RAW.format(first=first, last=last)}) TO STDOUT (FORMAT csv)", _Nowhere())
        return int(cursor.rowcount)


def _read_sql(statement: str) -> Callable[[str, str, str], int]:
    def read_sql(url: str, first: str, last: str) -> int:
        engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
        return len(pd.read_sql(statement.format(first=first, last=last), engine))

    return read_sql


def _ours(**arguments: Any) -> Callable[[str, str, str], int]:
    return lambda url, first, last: len(read.daily_bars(None, first, last, connection=url, **arguments))


def _export(url: str, first: str, last: str) -> int:
    with TemporaryDirectory(prefix="data-pipeline-read-") as folder:
        return export(plan_daily_bars(None, first, last, adjusted=True), Path(folder, "bars.parquet"), url).rows


METHODS: dict[str, Callable[[str, str, str], int]] = {
    "COPY to nowhere": _copy,
    "pandas.read_sql": _read_sql(RAW),
    "data_pipeline": _ours(adjusted=False),
    "data_pipeline, unchecked": _ours(adjusted=False, complete=False),
    "pandas.read_sql, adjusted": _read_sql(ADJUSTED),
    "data_pipeline, adjusted": _ours(adjusted=True),
    "data_pipeline, as of now": _ours(adjusted=True, as_of="2100-01-01T00:00+00:00"),
    "data_pipeline export": _export,
}


def main() -> None:
    """Read once and report it."""
    asked = json.loads(sys.argv[1])
    base = _largest()
    began = time.perf_counter()
    rows = METHODS[asked["method"]](asked["url"], asked["first"], asked["last"])
    seconds = time.perf_counter() - began
    print(json.dumps({"rows": rows, "seconds": round(seconds, 3), "peak_mb": round(_largest() - base, 1)}))


def _largest() -> float:
    """Return the largest resident size so far in MB; a child's own, which ru_maxrss is not on Linux."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
