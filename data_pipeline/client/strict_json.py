"""Reading JSON that a vendor sent: an object, each key once, and no infinite number."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

_TEXTS = msgspec.json.Decoder(dict[str, str | dict[str, str] | list[dict[str, str]]])
"""Reads what most answers are: texts, in objects, in lists. Anything else in it is an error."""


def strict_object(content: bytes) -> dict[str, Any]:
    """Return the JSON object that these bytes of UTF-8 are.

    Raises:
        ValueError: They are not, an object has a key twice, or a number is NaN or infinite.
        RecursionError: It is nested too deeply.
    """
    found = quick_object(content)
    return slow_object(content) if found is None else found


def quick_object(content: bytes) -> dict[str, Any] | None:
    """Return what :func:`slow_object` returns, several times sooner; None when only that can tell.

    It knows objects of texts, objects and lists of objects of texts. Outside of texts a colon stands in each pair and
    nowhere else, so where there are as many colons as pairs were kept, no key stands in an object twice.
    """
    try:
        found = _TEXTS.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if content.count(b":") == len(found) + sum(map(_pairs, found.values())) else None


def slow_object(content: bytes) -> dict[str, Any]:
    """Return the JSON object that these bytes are; the errors are those of :func:`strict_object`."""
    found = json.loads(
        content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
    )
    if not isinstance(found, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - the caller knows one error for unusable content
    return found


def _pairs(value: str | dict[str, str] | list[dict[str, str]]) -> int:
    if isinstance(value, str):
        return 0
    return len(value) if isinstance(value, dict) else sum(map(len, value))


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
