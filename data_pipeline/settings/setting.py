"""What a setting is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_COMMENT = re.compile(r"(^|\s)#.*")


class Kind(Enum):
    """What a value may be."""

    TEXT = "text"
    NUMBER = "a number"
    WHOLE = "a whole number"
    FLAG = "true or false"
    ADDRESS = "an address"


class Way(Enum):
    """A way of running that hands a setting on to whoever reads it."""

    COMMAND = "the command and Python"
    STACK = "the Airflow processes of `run` and `up`"
    CONTAINER = "the Airflow containers of `docker compose`"
    COMPOSE = "`docker compose` itself"


EVERYWHERE = frozenset({Way.COMMAND, Way.STACK, Way.CONTAINER})


@dataclass(frozen=True)
class Setting:
    """One environment variable."""

    name: str
    help: str
    """What it is, as one or two sentences; Markdown without links."""
    section: str
    kind: Kind = Kind.TEXT
    default: str = ""
    """As it is written; empty when there is none."""
    empty: str = ""
    """What leaving it empty means, in words, when there is no default to say it."""
    least: float | None = None
    """The smallest value, included."""
    above: float | None = None
    """What a value must exceed."""
    most: float | None = None
    """The largest value, included."""
    choices: tuple[str, ...] = ()
    secret: bool = False
    connection: str = ""
    """The type of the Airflow connection that has a field for it: kis or krx."""
    field: str = ""
    """That field: login, password, or a name in the connection's extra."""
    label: str = ""
    """What the field is called in the form; empty when the form does not show it."""
    variable: bool = False
    """Whether an Airflow Variable of the same name takes precedence in tasks."""
    ways: frozenset[Way] = EVERYWHERE
    shown: bool = True
    """Whether `.env.example` has it as a line that counts; False: commented out."""
    numbered: bool = False
    """Whether it stands for a row of variables that end in ``_2``, ``_3`` and so on."""

    @property
    def meant(self) -> str:
        """What a value must be, in words."""
        if self.choices:
            return f"{'one of ' if len(self.choices) > 2 else ''}{_listed(self.choices)}"
        if self.least is not None and self.most is not None:
            return f"{self.kind.value} from {self.least:,.0f} to {self.most:,.0f}"
        if self.above is not None:
            return f"{self.kind.value} above {self.above:g}"
        return self.kind.value if self.least is None else f"{self.kind.value}, {self.least:g} or more"


def plain(text: str) -> str:
    """Return a text without surrounding blanks and without a comment behind it."""
    return _COMMENT.sub("", text).strip()


def _listed(words: tuple[str, ...]) -> str:
    return " or ".join(words) if len(words) == 2 else ", ".join(words)
