"""Keeps an embedded Postgres as long as it is used: `python -m data_pipeline.warehouse.keeper_process DIRECTORY`."""

from __future__ import annotations

import sys
from pathlib import Path

from data_pipeline.warehouse.keeper import keep


def main(directory: Path) -> None:
    """Wait until nobody uses the server of this folder, and stop it unless it is to stay."""

    def stop() -> None:
        from data_pipeline.warehouse.embedded import EmbeddedPostgres  # waiting needs none of it

        EmbeddedPostgres(directory).stop_unless_kept()

    keep(directory, stop)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
