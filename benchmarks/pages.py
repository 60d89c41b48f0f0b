"""What the pages weigh, how soon they are seen, and whether fifty viewers are in the way of tasks.

The warehouse holds 2,700 instruments with sixty sessions, and five years of one of them. `first_paint_s` is Chromium's
first contentful paint at 9 Mbit/s, 60 ms and a quarter of the processor. A heartbeat is a route of the same server that
takes a thread of its common pool and asks Postgres, as Airflow's own do; it is late after five seconds, which is how
often tasks give one. `cold_s` is the morning page right after the start, when all sessions have to be counted.

Examples:
    python -m benchmarks pages
    python -m benchmarks pages --viewers 10 --seconds 10
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._pages_server import CODE, fill, serving
from benchmarks._pages_viewers import look
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

PAGES = {"morning": "", "instrument, 5 years": f"instrument?code={CODE}&range=5y"}
FILES = ("pages.css", "pages.js")
GOALS = {"kilobytes": 150.0, "first_paint_s": 1.0, "late": 0}
THROTTLED = {"offline": False, "latency": 60, "downloadThroughput": 9e6 / 8, "uploadThroughput": 9e6 / 8}
SLOWER = 4


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks pages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--viewers", type=int, default=50, metavar="N", help="at once (50 unless told)")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="how long they look (30 unless told)")
    options = parser.parse_args(arguments)
    with _warehouse() as server, serving(server) as url:
        cold = _timed(url)
        rows = [{"page": name, **_weighed(url, path), **_painted(url + path)} for name, path in PAGES.items()]
        viewers = look(url, [url + path for path in PAGES.values()], options.viewers, options.seconds)
    result = {"cold_s": cold, "pages": rows, "viewers": viewers}
    _show(result)
    print(json.dumps(result))
    return 0 if _reached(result) else 1


@contextmanager
def _warehouse() -> Iterator[EmbeddedPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-pages-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    server.start()
    try:
        migrate(server.url())
        fill(server.url())
        yield server
    finally:
        server.destroy()
        shutil.rmtree(folder)


def _timed(address: str) -> float:
    begun = time.perf_counter()
    with urllib.request.urlopen(address, timeout=60) as answer:
        answer.read()
    return round(time.perf_counter() - begun, 2)


def _weighed(url: str, path: str) -> dict[str, float]:
    """Return the bytes of a page and its files, as the server sends them to a browser."""
    sent = 0
    for one in (path, *FILES):
        asked = urllib.request.Request(url + one, headers={"accept-encoding": "gzip"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            sent += len(answer.read())
    return {"kilobytes": round(sent / 1024, 1)}


def _painted(address: str) -> dict[str, float | None]:
    """Return when Chromium first shows something, in seconds; None where there is no Chromium."""
    program = shutil.which("chromium")
    if program is None:
        return {"first_paint_s": None}
    from playwright.sync_api import sync_playwright

    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])) as browser,
    ):
        # What is waited for is evaluated in the page, whose own policy allows no such thing.
        context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
        page = context.new_page()
        page.goto("about:blank")
        tools = context.new_cdp_session(page)
        tools.send("Network.enable")
        tools.send("Network.emulateNetworkConditions", THROTTLED)
        tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        page.goto(address)
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return {"first_paint_s": round(painted / 1000, 2)}


def _reached(result: dict[str, Any]) -> bool:
    painted = [row["first_paint_s"] or 0.0 for row in result["pages"]]
    return (
        max(row["kilobytes"] for row in result["pages"]) <= GOALS["kilobytes"]
        and max(painted) <= GOALS["first_paint_s"]
        and result["viewers"]["late"] <= GOALS["late"]
    )


def _show(result: dict[str, Any]) -> None:
    table = Table("what", "value", "goal")
    table.add_row("morning page, cold, s", f"{result['cold_s']}", "")
    for row in result["pages"]:
        table.add_row(f"{row['page']}: kB sent", f"{row['kilobytes']}", f"{GOALS['kilobytes']:.0f}")
        table.add_row(f"{row['page']}: first paint, s", f"{row['first_paint_s']}", f"{GOALS['first_paint_s']:.0f}")
    for name, value in result["viewers"].items():
        table.add_row(f"viewers: {name}", f"{value}", "0" if name == "late" else "")
    Console(stderr=True).print(table)
