"""The registers of evidence: what is believed of each vendor's wire, and on what ground.

A register is ``evidence.json`` beside the vendor's parsers. ``docs/reference/wire-evidence.md`` is made of both, tests
hold them to what the parsers read, and the emulator plays what stands under ``played``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data_pipeline.sources.vendor_data import vendor_data

GROUNDS = ("document", "recorded", "code", "inferred")
"""What a belief can rest on: the vendor's document, a recorded answer, another program, or nothing that is seen."""
_RUN = re.compile(r"(\w+?)1\.\.(\d+)")


@dataclass(frozen=True, slots=True)
class Belief:
    """One thing that a source relies on.

    Raises:
        ValueError: It rests on nothing; or it is only inferred, and nothing checks it at run time.
    """

    call: str
    """The last part of the call's path, the services that are alike, or what else it is about."""
    output: str
    """The object or list of an answer that holds the fields; empty where there is one only, or none."""
    written: str
    """Its fields as the register writes them: ``bidp1..10`` for ten; empty for what is believed of the whole call."""
    believed: str
    grounds: Mapping[str, str]
    """Kind, one of :data:`GROUNDS`, to the document's name, the recording's date and origin, the program, or why."""
    check: str = ""
    """What finds out at run time when it is wrong, as ``sources.kis.parse:parse_price``; empty for nothing."""

    def __post_init__(self) -> None:
        if not self.grounds:
            raise ValueError(f"{self.call}: nothing says why {self.believed!r}")
        if not self.check and set(self.grounds) == {"inferred"}:
            raise ValueError(f"{self.call}: {self.believed!r} is only inferred, and nothing checks it")

    @property
    def fields(self) -> frozenset[str]:
        """The names of its fields, behind their output where there are several: ``output2.cntg_vol``."""
        names = []
        for name in self.written.split():
            run = _RUN.fullmatch(name)
            names += [f"{run[1]}{number}" for number in range(1, int(run[2]) + 1)] if run else [name]
        return frozenset(f"{self.output}.{name}" if self.output else name for name in names)


def beliefs(vendor: str) -> tuple[Belief, ...]:
    """Return what is believed of a vendor's wire, call by call.

    Args:
        vendor: The name of its folder: kis or krx.
    """
    return tuple(
        Belief(
            call,
            one.get("in", ""),
            one.get("fields", ""),
            one["believed"],
            {kind: one[kind] for kind in GROUNDS if kind in one},
            one.get("check", ""),
        )
        for call, several in vendor_data(vendor, "evidence")["calls"].items()
        for one in several
    )


def played(vendor: str) -> dict[str, Any]:
    """Return the figures and names of a vendor's wire that the emulator plays, by name."""
    found: dict[str, Any] = vendor_data(vendor, "evidence")["played"]
    return found
