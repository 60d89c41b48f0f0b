"""When so much is absent at once that the answer is doubted, and not taken for true emptiness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from data_pipeline.exceptions import IncompleteDataError

if TYPE_CHECKING:
    from data_pipeline.market.window import Cell

DOUBTFUL = 20
"""When this many cells have not a single row among them, the answer is doubted, not taken for true emptiness."""


def require_some(doubted: Collection[Cell], came: Collection[Cell], name: str) -> None:
    """Refuse an answer without a single row of a session on which many instruments must have some.

    Args:
        doubted: The cells of which nothing came, and nothing explains that.
        came: All cells of which rows came.
        name: The dataset's.

    Raises:
        IncompleteDataError: Names the first session or cell; asking again can help.
    """
    if len(doubted) < DOUBTFUL:
        return
    if not came:
        code, session = min(doubted)
        raise IncompleteDataError(
            f"{name}: not one row came for {len(doubted)} cells of listed instruments, the first is {code} on {session}"
        )
    present = {session for _, session in came}
    absent = Counter(session for _, session in doubted if session not in present)
    for session, issues in sorted(absent.items()):
        if issues >= DOUBTFUL:
            raise IncompleteDataError(
                f"{name}: not one row came for {session}; {issues} listed instruments must have some"
            )
