"""Which store of shared state this is, so that a second one in use for the same key is noticed."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Sequence
from typing import Any

from data_pipeline.coordination.store import Store, damaged

_KEY = "store"
_MOST_TOLD = 20


class SharedBudget:
    """The budgets of some app keys in one store.

    Args:
        store: Where they are kept.
        keys: The hashed names of the app keys.
    """

    def __init__(self, store: Store, keys: Sequence[str]) -> None:
        self._store = store
        self.keys = list(keys)
        self.host = platform.node()

    def store_id(self) -> str:
        """Return the store's own name, made up when it is first asked for; a store that was emptied has another one.

        Raises:
            CoordinationError: The store cannot be used.
        """
        found = self._store.read(_KEY, lasting=True).get("id") or self._store.update(_KEY, _named, lasting=True)
        if not isinstance(found, str):
            raise damaged(self._store.location(_KEY), "id is not text")
        return found

    def tell_once(self, other: str) -> bool:
        """Return whether nobody has been told yet that this other store is in use, and note that somebody is now.

        Raises:
            CoordinationError: The store cannot be used.
        """

        def note(state: dict[str, Any], _: float) -> bool:
            told = state.get("told", [])
            if not isinstance(told, list):
                raise damaged(self._store.location(_KEY), "told is not a list")
            state["told"] = [*(each for each in told if each != other), other][-_MOST_TOLD:]
            return other not in told

        return self._store.update(_KEY, note, lasting=True)


def _named(state: dict[str, Any], _: float) -> str:
    return str(state.setdefault("id", uuid.uuid4().hex[:16]))
