"""What was missed: the running figures of each trade say exactly what came between it and the one before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from data_pipeline.market.rejections import Rejection
from data_pipeline.market.stream_records import GapCause, Side, StreamGap, Trade
from data_pipeline.market.venue import Venue

REMEMBERED = 64
"""Trades of each code against which a repeated frame is recognised."""


class ContradictionError(Exception):
    """The running figures of a trade contradict those before it, so that it cannot be stored."""


@dataclass(slots=True)
class _Seen:
    last: Trade
    recent: deque[Trade] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    cut: bool = False
    """Whether the line was down since."""


class GapWatch:
    """Compares each trade with the one before it of the same venue, code and session.

    Lines of several threads may share one, as long as each venue and code is on one line at a time.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[Venue, str], _Seen] = {}

    def know(self, stored: Iterable[Trade]) -> None:
        """Go on where the warehouse stands: the newest trade of each venue and code, from a line that is gone."""
        for trade in stored:
            self._remember(trade, cut=True)

    def line_cut(self, codes: Iterable[tuple[Venue, str]]) -> None:
        """Note that the line of these was down: the next trade of each says what was missed, which may be nothing."""
        for key in codes:
            if key in self._seen:
                self._seen[key].cut = True

    def is_repeat(self, trade: Trade) -> bool:
        """Return whether this very trade was received before, as when a frame comes twice."""
        seen = self._seen.get((trade.venue, trade.stock_code))
        return seen is not None and trade in seen.recent

    def is_behind(self, trade: Trade) -> bool:
        """Return whether a trade brings its session no further; what is stored tells whether it is one of those."""
        seen = self._seen.get((trade.venue, trade.stock_code))
        if seen is None or seen.last.session < trade.session:
            return False
        return trade.session < seen.last.session or trade.cumulative_volume <= seen.last.cumulative_volume

    def see(self, trade: Trade) -> StreamGap | None:
        """Return the gap before a trade that is not behind, which is then remembered; None when there is none.

        Raises:
            ContradictionError: The running volume rose by less than the trade; it is not remembered.
        """
        seen = self._seen.get((trade.venue, trade.stock_code))
        if seen is None or seen.last.session < trade.session:
            self._remember(trade)
            before = trade.cumulative_volume - trade.volume
            return _gap(trade, None, GapCause.START, (before, _value(trade), _count(trade))) if before else None
        last, cut = seen.last, seen.cut
        volume = trade.cumulative_volume - trade.volume - last.cumulative_volume
        if volume < 0:
            raise ContradictionError(
                f"trade {trade.venue.value} {trade.stock_code} at {trade.traded_at}: {trade.volume} shares bring the "
                f"session to {trade.cumulative_volume}, but it stood at {last.cumulative_volume} at {last.traded_at}"
            )
        value = _between(last.cumulative_value, _value(trade))
        count = _between(last.cumulative_count, _count(trade))
        self._remember(trade)
        if not (cut or volume or value or count):
            return None
        return _gap(trade, last, GapCause.RECONNECT if cut else GapCause.JUMP, (volume, value, count))

    def judged(self, record: object) -> Iterator[object]:
        """Yield what is to be written for a record that a line brought.

        For a trade that is the gap before it, if there is one, and the trade itself; a rejection in their place when
        the running figures contradict it; and nothing for one that came before. One that is behind is yielded as it
        is, for whoever writes it compares it with what is stored. Any other record is yielded as it is.
        """
        if not isinstance(record, Trade):
            yield record
        elif self.is_behind(record):
            if not self.is_repeat(record):
                yield record
        else:
            try:
                gap = self.see(record)
            except ContradictionError as error:
                payload = {name: str(value) for name, value in asdict(record).items()}
                yield Rejection(payload, str(error), record.stock_code, record.session)
                return
            if gap is not None:
                yield gap
            yield record

    def _remember(self, trade: Trade, *, cut: bool = False) -> None:
        seen = self._seen.get((trade.venue, trade.stock_code))
        if seen is None:
            seen = self._seen[trade.venue, trade.stock_code] = _Seen(trade)
        seen.last, seen.cut = trade, cut
        seen.recent.append(trade)


def _gap(trade: Trade, last: Trade | None, cause: GapCause, missed: tuple[int, int | None, int | None]) -> StreamGap:
    until = trade.cumulative_volume - trade.volume
    # A second that goes back while the running figures rise is the venue's; the gap then lies within one second.
    after = None if last is None else min(last.traded_at, trade.traded_at)
    volume, value, count = missed
    session = trade.session
    return StreamGap(
        trade.venue, trade.stock_code, session, cause, after, trade.traded_at, until - volume, until, value, count
    )


def _value(trade: Trade) -> int | None:
    """Return the running value just before a trade."""
    return None if trade.cumulative_value is None else trade.cumulative_value - trade.price * trade.volume


def _count(trade: Trade) -> int | None:
    """Return the number of trades with a side just before a trade."""
    count = trade.cumulative_count
    return count if count is None or trade.side not in {Side.BUY, Side.SELL} else count - 1


def _between(before: int | None, now: int | None) -> int | None:
    """Return by how much a figure rose; None when it is unknown or fell, which says nothing of what was missed."""
    return None if before is None or now is None or now < before else now - before
