"""Order books of many codes on Celery workers: how much of one key's quota they use together, and what is rejected.

Everything is what `make up EXECUTOR=celery` starts, in a folder of its own: a broker, the workers, the scheduler, the
emulator behind KIS's gate. The market's clock stands in a session. `quota_used` counts from the first call to the last.

Examples:
    python -m benchmarks celery                  2,700 codes on three workers, about five minutes
    python -m benchmarks celery --codes 300      a first look
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from benchmarks._dags_stack import LocalAirflow, ask, local_airflow
from data_pipeline.local.celery import Workers
from data_pipeline.local.environment import SANDBOX_RATE
from data_pipeline.sources.kis.endpoints import ORDER_BOOK

IN_SESSION = "2026-11-20T10:31:00+09:00"
LIMITS = {"quota_used": ">= 0.97", "rejected": "0", "missing": "0"}
_LISTED = "SELECT stock_code::text FROM market.instrument WHERE listed_on < '2026-01-01' ORDER BY 1 LIMIT %s"
_STORED = "SELECT count(DISTINCT stock_code) FROM market.order_book WHERE stock_code = ANY (%s)"


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 0 when every figure is within its limit."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks celery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codes", type=int, default=2700, metavar="N", help="instruments (2,700)")
    parser.add_argument("--workers", type=int, default=3, metavar="N", help="Celery workers (3)")
    options = parser.parse_args(arguments)
    os.environ["MARKET_CLOCK"] = IN_SESSION
    with local_airflow(Workers(options.workers)) as local:
        figures = _measured(local, options.codes)
    table = Table("figure", "measured", "limit", title=f"order books on {options.workers} Celery workers")
    for name, value in figures.items():
        table.add_row(name, f"{value:,}", LIMITS.get(name, ""))
    Console().print(table)
    print(json.dumps(figures))
    return 0 if figures["quota_used"] >= 0.97 and not figures["rejected"] and not figures["missing"] else 1


def _measured(local: LocalAirflow, count: int) -> dict[str, Any]:
    local.unpause("market_reference")
    local.run("market_reference")
    codes = [code for (code,) in ask(local.market, _LISTED, count)]
    local.unpause("order_books")
    local.await_scheduled_run("order_books")
    before = _calls(local)
    local.run("order_books", {"stock_codes": codes}, patience=900.0)
    calls = _calls(local)[len(before) :]
    arrived = [call["arrived"] for call in calls if call["accepted"]]
    ((stored,),) = ask(local.market, _STORED, codes)
    return {"codes": len(codes), **used(arrived), "rejected": len(calls) - len(arrived), "missing": len(codes) - stored}


def used(arrived: Sequence[float], rate: int = SANDBOX_RATE) -> dict[str, float]:
    """Return how many calls came, in how many seconds, and which part of the quota that is.

    Args:
        arrived: When each accepted call came, seconds, in any order.
        rate: The quota, calls a second.
    """
    seconds = max(arrived) - min(arrived) + 1 / rate
    return {
        "calls": len(arrived),
        "seconds": round(seconds, 1),
        "quota_used": round(len(arrived) / (rate * seconds), 4),
    }


def _calls(local: LocalAirflow) -> list[dict[str, Any]]:
    with requests.Session() as session:
        session.trust_env = False
        wanted = {"path": ORDER_BOOK.path, "limit": "1000000"}
        answer = session.get(f"{local.emulator_url}/emulator/requests", params=wanted, timeout=30)
    found: list[dict[str, Any]] = answer.json()
    return found
