"""Reading single fields of KRX answers: every value is text there, and a mark for no value is never a zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from data_pipeline.sources.answer_row import AnswerRow


@dataclass(frozen=True)
class Row(AnswerRow):
    """One object of an answer."""

    no_value: ClassVar[frozenset[str]] = frozenset({"", "-"})

    def optional(self, name: str) -> str | None:
        """Return a field without its padding; None when it is marked as without a value ("" or "-").

        Raises:
            PayloadError: It is absent, for KRX sends every field of every row, or not text.
        """
        if name not in self.fields:
            raise self.error(name, "is missing")
        return self._read(name)

    def optional_integer(self, name: str) -> int | None:
        """Return a whole number, None without a value; PayloadError when it is something else."""
        return None if self.optional(name) is None else self.integer(name)

    def optional_decimal(self, name: str) -> float | None:
        """Return a number that may have decimals, None without a value; PayloadError when it is something else."""
        return None if self.optional(name) is None else self.decimal(name)
