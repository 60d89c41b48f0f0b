"""Finds what the files of a folder make, so that a new one is served without being listed anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def found(folder: ModuleType, prefix: str, kind: type[T]) -> Iterator[T]:
    """Yield the objects of a kind that stand under a name in the folder's files of this prefix, by file and order."""
    for file in iter_modules(folder.__path__):
        if file.name.startswith(prefix):
            named = vars(import_module(f"{folder.__name__}.{file.name}")).values()
            yield from (one for one in named if isinstance(one, kind))
