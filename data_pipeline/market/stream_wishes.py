"""What a live stream is asked for, as settings and options write it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import TypeVar

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.records import require_stock_code
from data_pipeline.market.stream_records import StreamKind, Subscription
from data_pipeline.market.venue import Venue
from data_pipeline.settings import text

E = TypeVar("E", bound=Enum)


def stream_kinds(environ: Mapping[str, str], option: str | None = None) -> tuple[StreamKind, ...]:
    """Return what is asked for, most important first: the option, or else ``STREAM_KINDS``.

    Raises:
        InvalidRequestError: One of them is none.
    """
    return _named(StreamKind, environ, "STREAM_KINDS", "--kinds", option)


def stream_venues(environ: Mapping[str, str], option: str | None = None) -> tuple[Venue, ...]:
    """Return where it is asked for: the option, or else ``STREAM_VENUES``.

    Raises:
        InvalidRequestError: One of them is none.
    """
    return _named(Venue, environ, "STREAM_VENUES", "--venues", option)


def wishes(
    stock_codes: Sequence[str], kinds: Collection[StreamKind], venues: Collection[Venue]
) -> tuple[Subscription, ...]:
    """Return what is wanted, most important first: by kind, then by code, then by venue, each in the order given.

    Raises:
        InvalidRequestError: There is no code or kind, or a code is none.
    """
    if not stock_codes or not kinds or not venues:
        raise InvalidRequestError("a stream needs a stock code, a kind and a venue at least")
    try:
        codes = tuple(dict.fromkeys(require_stock_code(code) for code in stock_codes))
    except ValueError as error:
        raise InvalidRequestError(str(error)) from error
    return tuple(dict.fromkeys(Subscription(kind, venue, code) for kind in kinds for code in codes for venue in venues))


def _named(kind: type[E], environ: Mapping[str, str], setting: str, name: str, option: str | None) -> tuple[E, ...]:
    said, words = (setting, text(environ, setting)) if option is None else (name, option)
    choices = {one.value: one for one in kind}
    named = [word.strip() for word in words.split(",")]
    if wrong := [word for word in named if word not in choices]:
        raise InvalidRequestError(f"{said} takes {', '.join(choices)}, separated by commas, not {wrong[0]!r}")
    return tuple(dict.fromkeys(choices[word] for word in named))
