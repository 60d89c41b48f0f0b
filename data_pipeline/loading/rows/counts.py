"""What became of the rows of one load."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoadCounts:
    """What became of the rows of one load."""

    inserted: int = 0
    updated: int = 0
    """Values or source differed and were replaced."""
    unchanged: int = 0
    """The same values were stored already."""
    outranked: int = 0
    """Other values are stored, from a higher source or a newer list of instruments; they were kept."""

    @property
    def loaded(self) -> int:
        """All rows of the load, whatever became of them."""
        return self.inserted + self.updated + self.unchanged + self.outranked

    def __add__(self, other: LoadCounts) -> LoadCounts:
        return LoadCounts(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.outranked + other.outranked,
        )
