"""dlt in the loading benchmark: it makes a table of its own, without a primary key, and merges by the same key."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks._loading_bars import COLUMNS
from benchmarks._loading_server import DLT
from data_pipeline.datasets.daily_bar import DAILY_BAR


def with_dlt(url: str, folder: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Load dictionaries as dlt's own documents do."""
    _run(url, folder, rows)


def with_dlt_arrow(url: str, folder: Path, rows: Iterable[tuple[object, ...]]) -> None:
    """Load Arrow tables of 100,000 rows each, which dlt writes as CSV and copies."""
    _run(url, folder, _tables(iter(rows)), loader_file_format="csv")


def _run(url: str, folder: Path, data: Iterable[Any], **options: Any) -> None:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"  # it would call its makers
    import dlt

    pipeline = dlt.pipeline(
        "loading",
        pipelines_dir=str(folder / "dlt"),
        destination=dlt.destinations.postgres(credentials=url),
        dataset_name=DLT,
    )
    merge = {"disposition": "merge", "strategy": "upsert"}
    resource = dlt.resource(data, name="daily_bar", primary_key=list(DAILY_BAR.table.key), write_disposition=merge)
    pipeline.run(resource, **options).raise_on_failed_jobs()


def _tables(rows: Iterator[tuple[object, ...]]) -> Iterator[Any]:
    import pyarrow as pa

    while block := list(islice(rows, 100_000)):
        columns = zip(*block, strict=True)
        yield pa.table(dict(zip(COLUMNS, map(pa.array, columns), strict=True)))
