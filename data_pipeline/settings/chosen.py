"""Which source an installation loads from, for every command and for Python: the one rule."""

from __future__ import annotations

from collections.abc import Mapping

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings import text

KINDS = ("kis", "krx", "mock")


def chosen_source(environ: Mapping[str, str]) -> str:
    """Return the kind of source that the settings choose: kis, krx or mock; empty where they choose none.

    ``DATA_SOURCE_TYPE`` decides; without it a key and secret of KIS, beside which KRX's key adds the official figures;
    without those KRX's key alone.

    Raises:
        ConfigurationError: ``DATA_SOURCE_TYPE`` is no kind, or only one of key and secret is set, which is never a
            reason for synthetic figures.
    """
    named = text(environ, "DATA_SOURCE_TYPE")
    if named:
        return known_kind(named)
    missing = [name for name in ("KIS_APP_KEY", "KIS_APP_SECRET") if not text(environ, name)]
    if len(missing) == 1:
        raise ConfigurationError(f"{missing[0]} is not set (No API key provided), but the other half of the key is")
    if not missing:
        return "kis"
    return "krx" if text(environ, "KRX_API_KEY") else ""


def real_source(environ: Mapping[str, str]) -> str:
    """Return the vendor that the settings choose, kis or krx; empty where every figure is synthetic.

    Raises:
        ConfigurationError: As :func:`chosen_source` does.
    """
    chosen = chosen_source(environ)
    return "" if chosen == "mock" else chosen


def known_kind(named: str) -> str:
    """Return a kind of source as it is spelled here.

    Raises:
        ConfigurationError: There is none of this name.
    """
    kind = named.strip().lower()
    if kind not in KINDS:
        raise ConfigurationError(f"DATA_SOURCE_TYPE must be one of {', '.join(KINDS)}, not {named!r}")
    return kind
