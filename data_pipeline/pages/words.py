"""Every text of the pages in Korean and English; a test holds both to the same keys and the same gaps to fill."""

from __future__ import annotations

from collections.abc import Mapping

from data_pipeline.pages.words_en import ENGLISH
from data_pipeline.pages.words_ko import KOREAN

WORDS: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "ko": KOREAN}


def language(asked: str | None, accepted: str | None) -> str:
    """Return the language of a page: the one that its address asks for, else the first that the browser likes.

    Args:
        asked: ``lang`` of the address.
        accepted: The header ``Accept-Language``.
    """
    if asked in WORDS:
        return str(asked)
    liked: list[tuple[float, str]] = []
    for part in (accepted or "").split(",")[:20]:
        tag, _, weight = part.strip().partition(";q=")
        name = tag.strip().lower().split("-")[0]
        if name in WORDS:
            liked.append((-_number(weight), name))
    return min(liked, key=lambda one: one[0])[1] if liked else "en"


def _number(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0
