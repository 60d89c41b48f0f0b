"""One load of the loading benchmark in a process of its own: ``python -m benchmarks._loading_worker``.

The options are a JSON object on standard input; the report is one JSON line.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks._loading_bars import bars
from benchmarks._loading_methods import METHODS, Method, Work

_STATUS = Path("/proc/self/status")


def main() -> None:
    """Load once and report it."""
    options = json.load(sys.stdin)
    method = METHODS[options["method"]]
    for name in method.modules:
        importlib.import_module(name)
    work = _work(method, options)
    gc.collect()
    gc.freeze()  # what was there before is not the method's to look through
    held = _forget_peak()
    began = time.perf_counter()
    counts = method.load(work)
    seconds = time.perf_counter() - began
    peak = _resident("VmHWM") - held
    print(json.dumps({"seconds": seconds, "peak_mb": round(peak / 1024, 1), "counts": counts}), flush=True)


def _work(method: Method, options: dict[str, Any]) -> Work:
    rows = options["rows"]
    records = bars(rows, other=options["other"], changed=options["phase"] == "changed")
    return Work(
        url=options["url"],
        table=options["table"],
        phase=options["phase"],
        rows=rows,
        records=list(records) if method.records == "ready" and options["ready"] else records,
        text=Path(options["text"]),
        pages=Path(options["pages"]),
        folder=Path(options["folder"]),
    )


def _forget_peak() -> int:
    """Let the peak of resident memory begin anew and return the kilobytes held now."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return _resident("VmRSS")


def _resident(name: str) -> int:
    return next(int(line.split()[1]) for line in _STATUS.read_text("ascii").splitlines() if line.startswith(name))


if __name__ == "__main__":
    main()
