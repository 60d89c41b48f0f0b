"""Reads the data files beside a vendor's parsers."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def vendor_data(vendor: str, name: str) -> dict[str, Any]:
    """Return what stands in a vendor's file; read once a process, and never to be changed.

    Args:
        vendor: The name of its folder: kis or krx.
        name: Of the file, without ``.json``.
    """
    text = files("data_pipeline.sources").joinpath(vendor).joinpath(f"{name}.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
