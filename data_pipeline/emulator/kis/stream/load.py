"""Trades without end for load: as many a second as wanted, with running figures that fit."""

from __future__ import annotations

from data_pipeline.emulator.kis.stream.codes import data
from data_pipeline.emulator.kis.stream.rules import StreamRules
from data_pipeline.emulator.kis.stream.stage import Frame, Registered, milliseconds
from data_pipeline.market.clock import Clock
from data_pipeline.market.stream_records import StreamKind
from data_pipeline.sources.mock.tape import Tick

DAY = 24 * 3_600_000
_PLACES = ("STCK_CNTG_HOUR", "STCK_PRPR", "CNTG_VOL", "ACML_VOL", "ACML_TR_PBMN", "SHNU_CNTG_CSNU", "SHNU_CNTG_SMTN")


class Load:
    """The frames of one session under load. Records are one prepared text each, in which seven fields change.

    Args:
        clock: The market's clock, for the second that the records name.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._streams: dict[int, _Endless | None] = {}
        self._owed = 0.0
        self._next = 0

    def frames(self, registrations: list[Registered], seconds: float, rules: StreamRules) -> list[Frame]:
        """Return what is due after so many seconds of real time: whole frames, one registration after the other."""
        streams = [self._stream(one) for one in registrations if one.feed.kind is StreamKind.TRADE]
        trades = [one for one in streams if one is not None]
        if not trades:
            return []
        self._owed = min(self._owed + seconds * rules.rate, rules.rate)
        found: list[Frame] = []
        at = milliseconds(self._clock())
        while self._owed >= rules.together:
            found.append(trades[self._next % len(trades)].frame(at, rules.together))
            self._next += 1
            self._owed -= rules.together
        return found

    def _stream(self, one: Registered) -> _Endless | None:
        """Return the endless trades of a registration; None for an instrument that does not trade that day."""
        if id(one) not in self._streams:
            tape = one.tape()
            newest = next(iter(tape.before(one.since, 1) or tape.between(one.since, DAY)[:1]), None)
            self._streams[id(one)] = None if newest is None else _Endless(one, newest)
        return self._streams[id(one)]


class _Endless:
    """Trades of one registration, a buyer's of one share each, going on where its tape stands."""

    def __init__(self, one: Registered, newest: Tick) -> None:
        self._one = one
        self._pieces = one.record(newest).split("^")
        self._places = [one.feed.positions[name] for name in _PLACES]
        self._price = newest.price
        self._figures = [newest.cumulative_volume, newest.cumulative_value, newest.buys, newest.buy_volume]
        if side := {"CCLD_DVSN", "CNTG_CLS_CODE"} & {*one.feed.names}:
            self._pieces[one.feed.positions[side.pop()]] = "1"

    def frame(self, at: int, records: int) -> Frame:
        """Return the next records as one frame."""
        seconds = at // 1000
        hour = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
        return Frame(
            at,
            self._one.feed.tr_id,
            self._one.code,
            data(self._one.feed.tr_id, [self._record(hour) for _ in range(records)]),
            records,
        )

    def _record(self, hour: str) -> str:
        volume, value, buys, bought = self._figures
        self._figures = [volume + 1, value + self._price, buys + 1, bought + 1]
        pieces = self._pieces
        for place, said in zip(self._places, (hour, self._price, 1, *self._figures), strict=True):
            pieces[place] = str(said)
        return "^".join(pieces)
