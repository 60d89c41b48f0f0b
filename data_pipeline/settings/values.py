"""How the text of a setting becomes a value."""

from __future__ import annotations

import math

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings.setting import Kind, Setting

_FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "0", "no", "n", "off"), False),
}


def value_of(one: Setting, text: str) -> str | float | bool | None:
    """Return the value of a text: int for a whole number, float, bool, or the text; None when it is empty.

    Raises:
        ConfigurationError: It is no value of this setting; the message names it and what it must be.
    """
    if not text:
        return None
    value: str | float | bool | None = text
    if one.kind is Kind.FLAG:
        value = _FLAGS.get(text.lower())
    elif one.kind in (Kind.NUMBER, Kind.WHOLE):
        value = _number(one, text)
    elif one.choices:
        value = text.lower() if text.lower() in one.choices else None
    if value is None:
        shown = "what it holds" if one.secret else repr(text)
        raise ConfigurationError(f"{one.name} must be {one.meant}, not {shown}")
    return value


def _number(one: Setting, text: str) -> float | None:
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return None
    if not math.isfinite(value) or (one.above is not None and value <= one.above):
        return None
    if (one.least is not None and value < one.least) or (one.most is not None and value > one.most):
        return None
    if one.kind is Kind.WHOLE:
        return int(value) if value.is_integer() else None
    return value
