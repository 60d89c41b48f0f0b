"""The Arrow schema of a frame, with units."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from data_pipeline.datasets.frame import Frame, Type

ZONE = "Asia/Seoul"
TYPES = {
    Type.TEXT: pa.string(),
    Type.WHOLE: pa.int64(),
    Type.REAL: pa.float64(),
    Type.FLAG: pa.bool_(),
    Type.DAY: pa.timestamp("us"),
    Type.MOMENT: pa.timestamp("us", tz=ZONE),
}


def schema_of(frame: Frame) -> Any:
    """Return the Arrow schema; each field's metadata has its ``unit``."""
    return pa.schema(
        [
            pa.field(one.name, TYPES[one.type], nullable=one.nullable, metadata={"unit": one.unit})
            for one in frame.columns
        ]
    )
