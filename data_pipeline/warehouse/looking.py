"""What looking at an installation or a deployment finds; a warehouse that does not answer is a finding too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import psycopg2

from data_pipeline.exceptions import DataPipelineError

MOST_APART_S = 5.0
"""Seconds that the clocks of this host and of the warehouse's server may differ."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    fine: bool
    said: str
    """What was found, as a clause; it holds no secret."""
    todo: str = ""
    """What to do when it is not fine."""


def findings_of(about: str, part: Callable[[], Iterator[Finding]], remedies: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what one part finds; an error of ours or of Postgres is a finding, with the remedy for what it is about."""
    try:
        yield from part()
    except DataPipelineError as error:
        yield Finding(about, fine=False, said=str(error), todo=remedies.get(about, "see the message"))
    except psycopg2.Error as error:
        said = str(error).strip().partition("\n")[0]
        yield Finding(about, fine=False, said=f"Postgres says: {said}", todo=remedies.get(about, "see the message"))
