"""What hostile seeds count, whatever they lie about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass
class ToldOfSeeds:
    """What every kind of seed counts; ``wrong`` names the counts that must be 0."""

    wrong: ClassVar[tuple[str, ...]] = ("unnamed", "not_healed", "untyped")
    private: ClassVar[tuple[str, ...]] = ("wrong_seeds",)
    """What is no figure."""

    seeds: int = 0
    named: int = 0
    """What did not come and is named: by coverage, by the quarantine, by a failed run or an error."""
    unnamed: int = 0
    """What did not come and nothing names."""
    not_healed: int = 0
    """What differs after the same work without lies."""
    untyped: int = 0
    """Errors from outside the tree."""
    lies: int = 0
    """Answers that were not the truth."""
    lies_uncontradictable: int = 0
    """What was told and nothing known at that time contradicts; it is not counted as wrong."""
    wrong_seeds: list[str] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, Any]:
        """The counts, without the names of the seeds that ended wrongly."""
        return {name: value for name, value in vars(self).items() if name not in self.private}

    @property
    def is_true(self) -> bool:
        """Whether no seed ended wrongly."""
        return not any(getattr(self, name) for name in self.wrong)

    def add(self, seed: str, found: Mapping[str, Collection[Any]], lies: object, tell: Callable[[str], None]) -> None:
        """Count what a seed found wrong, by the name of the count, and tell of it if that is anything."""
        for name, many in found.items():
            setattr(self, name, getattr(self, name) + len(many))
        if any(found.values()):
            some = "; ".join(
                f"{len(rows)} {name}: {sorted(map(str, rows))[:3]}" for name, rows in found.items() if rows
            )
            self.wrong_seeds.append(f"{seed}: {some}; lies {lies}")
            tell(self.wrong_seeds[-1])
