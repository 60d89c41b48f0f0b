"""Reading JSON that a vendor sent: an object, each key once, and no infinite number."""

from __future__ import annotations

import json
import math
from typing import Any


def strict_object(content: bytes) -> dict[str, Any]:
    """Return the JSON object that these bytes of UTF-8 are.

    Raises:
        ValueError: They are not, an object has a key twice, or a number is NaN or infinite.
        RecursionError: It is nested too deeply.
    """
    found = json.loads(
        content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
    )
    if not isinstance(found, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - the caller knows one error for unusable content
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it holds {name}")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("it holds a number without end")
    return value
