"""What a source can say for the minutes of one session: how far its answers reached, and what traded by the day's head.

Nobody knows beforehand how many minutes of a session traded, so rows alone prove nothing about those that did not come.
Whoever loads gathers the evidence; without a gatherer the first doubt raises, so interactive callers never miss one.
The gatherer is a context variable, as that of :mod:`data_pipeline.market.rejections`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date

from data_pipeline.exceptions import IncompleteDataError


@dataclass(frozen=True, slots=True)
class MinuteEvidence:
    """How far the answers about one session of one instrument reached."""

    stock_code: str
    session: date
    volume: int
    """Shares in the minutes that the source handed over; 0 when none came."""
    reached_close: bool = False
    """Whether a minute at the session's close traded, so that nothing is missing after the newest one."""
    day_volume: int | None = None
    """Shares of the whole final day by the answer's own head; None when it does not say."""
    problem: str = ""
    """What is wrong between the session's first minute and the newest one; empty when they join from zero on."""
    withheld: int = 0
    """Minutes that traded and were not handed over, since their shares did not show yet; lost when the session is over.
    """
    ends: bool = False
    """Whether nothing traded after the newest minute, by two answers that were asked for from different moments."""
    never_shown: str = ""
    """Why no later answer shows what is withheld; empty when one may, or when nothing is."""

    @property
    def _lost(self) -> str:
        said = self.never_shown or "minutes that traded and never showed their shares"
        return f"{said}: {self.withheld}" if self.withheld else ""

    def doubt(self, volume: int, day_volumes: Collection[int]) -> str:
        """Return why the session is not settled; empty when its minutes are whole or it truly has none.

        The day's volume may hold more than the minutes (after-market, block and off-hours trades), never less.

        Args:
            volume: Shares in the minutes that are about to be stored.
            day_volumes: What else is known of the whole day's volume, as the stored daily bar; may be empty.
        """
        known = {*day_volumes} if self.day_volume is None else {*day_volumes, self.day_volume}
        if self.problem or self._lost:
            return self.problem or self._lost
        if volume != self.volume:
            return f"minutes of {volume:,} shares are left of {self.volume:,}"
        if known and min(known) < volume:
            return f"the minutes hold {volume:,} shares, and the whole day {min(known):,}"
        if volume and (self.reached_close or self.ends or volume in known):
            return ""
        if not known:
            return "nothing tells whether more was traded: no minute of the close came, and no daily bar is stored"
        traded = max(known)
        return f"{traded:,} shares were traded that day, and minutes of {volume:,} came" if traded else ""

    def proof(self, volume: int) -> str:
        """Return what proves a session about which there is no :meth:`doubt`; ``volume`` as there."""
        if not volume:
            return NOTHING_TRADED
        joined = "its minutes join without a gap from the first one on"
        if self.reached_close:
            return f"{joined} to the close"
        return (
            f"{joined} to the last trade, by two answers" if self.ends else f"{joined} and add up to the day's volume"
        )


NOTHING_TRADED = "nothing was traded that day: its volume is 0"
UNSAID = "the source did not say how far its answer reached"

_CURRENT: ContextVar[list[MinuteEvidence] | None] = ContextVar("evidence", default=None)


@contextmanager
def gathering() -> Iterator[list[MinuteEvidence]]:
    """Gather what sources of this context can say for their minutes until the block ends."""
    gathered: list[MinuteEvidence] = []
    token = _CURRENT.set(gathered)
    try:
        yield gathered
    finally:
        _CURRENT.reset(token)


def is_gathered() -> bool:
    """Return whether somebody gathers evidence, for whom it is worth asking once more."""
    return _CURRENT.get() is not None


def tell(evidence: MinuteEvidence) -> None:
    """Hand over what is known of a session after its last minute was handed over."""
    gathered = _CURRENT.get()
    if gathered is not None:
        gathered.append(evidence)


def require_gatherer(where: str, problem: str) -> None:
    """Return when somebody gathers evidence, who will hear of the problem at the session's end.

    Raises:
        IncompleteDataError: Nobody does; asking again can help, for the answer was cut short under success.
    """
    if _CURRENT.get() is None:
        raise IncompleteDataError(f"{where}: {problem}")
