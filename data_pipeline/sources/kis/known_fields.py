"""The fields that KIS documents for each call, so that a new one is noticed.

Source: KIS Developers, the answers shown beside each call, and fields that its servers have been seen to add since.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any


def _read() -> dict[str, frozenset[str]]:
    text = files("data_pipeline.sources.kis").joinpath("known_fields.json").read_text("utf-8")
    return {call: frozenset(names) for call, names in json.loads(text).items()}


KNOWN_FIELDS = _read()
"""Call, as ``Endpoint.name``, to the names of its fields at any depth."""


def field_names(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the field names of the objects in an answer; the first row of a list stands for all of it."""
    for output in body.values():
        row = output[0] if isinstance(output, list) and output else output
        if isinstance(row, dict):
            yield from row
