"""The fields that KIS documents for each call, so that a new one is noticed.

Source: KIS Developers, the answers shown beside each call, and fields that its servers have been seen to add since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data_pipeline.sources.vendor_data import vendor_data

KNOWN_FIELDS = {call: frozenset(names) for call, names in vendor_data("kis", "known_fields").items()}
"""Call, as ``Endpoint.name``, to the names of its fields at any depth."""


def field_names(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the field names of the objects in an answer; the first row of a list stands for all of it."""
    for output in body.values():
        row = output[0] if isinstance(output, list) and output else output
        if isinstance(row, dict):
            yield from row
