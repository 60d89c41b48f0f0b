"""Ends what a part of `up` leaves running when it is killed: `python -m data_pipeline.local.watch HOME PART ...`.

A scheduler that is killed leaves workers, which keep its place in Airflow's database: nothing else can schedule until
they end. This process looks every second, and ends with the last part.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from data_pipeline.local.home import Home
from data_pipeline.local.processes import Background

log = logging.getLogger(__name__)

EVERY_S = 1.0


def watch(parts: Sequence[Background], sleep: Callable[[float], None] = time.sleep) -> None:
    """Return when none of the parts is left; the orphans of each are ended as soon as they are seen."""
    while any(part.pid_file.exists() for part in parts):
        for part in parts:
            if orphans := part.end_orphans():
                log.warning("%s was killed: ended %d processes that it left running", part.name, orphans)
        sleep(EVERY_S)


def main(home: str, *names: str) -> int:
    """Watch the named parts of an installation; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    watch([Background(Home(Path(home)), name) for name in names])
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
