"""What is left out of a load in columns, so that the rest of it can be measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from data_pipeline.loading.rows import copy_columns


class _Digests(copy_columns.ColumnCopy):
    """Works out each row's SHA-256, and does nothing with it."""

    def sealed(self) -> list[copy_columns.Sealed]:
        """Return nothing."""
        return []


class _Plain(_Digests):
    """Only copies."""

    def _add_up(self, forms: Any) -> None:
        del forms


@contextmanager
def columns(kind: str) -> Iterator[None]:
    """Let loads in columns keep their seals (``sealed``), work out ``digests`` alone, or neither (``plain``)."""
    made = {"sealed": copy_columns.ColumnCopy, "digests": _Digests, "plain": _Plain}[kind]
    with patch.object(copy_columns, "ColumnCopy", made):
        yield
