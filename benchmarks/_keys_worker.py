"""One load of the benchmark of the keys in a process of its own: ``python -m benchmarks._keys_worker``.

The options are a JSON object on standard input; the report is one JSON line.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks._keys_rows import days
from benchmarks._loading_bars import ANSWERED, codes_of
from benchmarks._loading_pages import load_pages
from data_pipeline.backfill.load import load_plan
from data_pipeline.backfill.pace import this_machine
from data_pipeline.backfill.plan import plan_wish
from data_pipeline.backfill.sources import Sources
from data_pipeline.backfill.wish import Wish
from data_pipeline.engine.fetching import fetch_threads
from data_pipeline.engine.many_windows import Loader
from data_pipeline.engine.one_window import Run
from data_pipeline.market.origin import SANDBOX
from data_pipeline.warehouse.connect import connect


def main() -> None:
    """Do what the options say and report it."""
    options = json.load(sys.stdin)
    report = {"keys": _keys, "pages": _pages}[options["what"]](options)
    print(json.dumps(report), flush=True)


def _keys(options: dict[str, Any]) -> dict[str, Any]:
    from data_pipeline.hooks.kis import KISHook

    total: Counter[str] = Counter()
    with KISHook().get_conn() as source, closing(connect(options["warehouse"])) as connection:
        threads = fetch_threads({}, source.calls_a_second, options["threads"])
        wish = Wish("daily_bar", tuple(codes_of(options["codes"])), days()[0], days()[-1])
        plan = plan_wish(connection, wish, Sources(source, pace=this_machine(threads)), ANSWERED)
        load = Loader(connection, Run(moment=ANSWERED), threads)
        with measured() as report:
            for step in load_plan(plan, [source], load):
                if step.error:
                    raise step.error
                total.update(step.counts)
        report |= {"promised": plan.shares[0].cost.seconds, "requests": source.requests_sent}
    return {**report, "rows": total["inserted"], "plan": str(plan.shares[0].cost)}


def _pages(options: dict[str, Any]) -> dict[str, Any]:
    codes = codes_of(options["codes"])
    with closing(connect(options["warehouse"])) as connection, measured() as report:
        counts = load_pages(connection, Path(options["pages"]), codes, days(), SANDBOX)
    return {**report, "rows": counts["inserted"]}


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Fill in, at the end of the block, its seconds and the CPU of this process, user and system, in seconds."""
    report: dict[str, Any] = {}
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    yield report
    report["seconds"] = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    report |= {"user": after.ru_utime - before.ru_utime, "system": after.ru_stime - before.ru_stime}


if __name__ == "__main__":
    main()
