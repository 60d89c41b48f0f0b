"""Failures of the stream on request, or drawn by a seed: what is lost, doubled, spoilt, refused or cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from random import Random
from typing import Any

from data_pipeline.emulator.kis.stream.codes import TEXTS
from data_pipeline.exceptions import InvalidRequestError

OF_ANSWERS = {
    "lost_answer": "the answer to a command never comes, and what it asked for is done",
    "mute": "the answer never comes, and no data either",
    "refused": "a registration is answered with the code that `value` names (OPSP0007 unless told)",
    "taken_back": "SUBSCRIBE SUCCESS, and `seconds` later (1 unless told) UNSUBSCRIBE SUCCESS",
}
OF_FRAMES = {
    "lost": "a frame never comes",
    "doubled": "a frame comes twice",
    "held": "frames are held for `seconds` (3 unless told) and then come at once",
    "silent_code": "all frames of a code are lost",
    "width": "records have `value` more fields than known, or fewer below 0 (1 unless told)",
    "null": "the last field of each record is the text (null)",
    "cut": "the frame ends in the middle of its last record",
    "long": "the frame is blown up to at least `value` bytes by the records in it (10,000 unless told)",
    "future": "the time of each record lies `seconds` ahead (3,600 unless told)",
    "backwards": "the running volume of each record stands at half",
    "encrypted": "the frame is that of an own execution, encrypted with a key that nobody has",
}
OF_LINES = {
    "close": "the line is closed with the code that `value` names (1000 unless told); 1006 is no close frame",
    "silent": "nothing comes any more, neither data nor heartbeats, and the line stays open",
    "hostile": "by `seed`, a share of `value` (0.01 unless told) of all frames and answers suffer any of these, and "
    "the line ends after `seconds` (120 unless told) on average",
}
KINDS = {**OF_ANSWERS, **OF_FRAMES, **OF_LINES}
_TEXTS = ("tr_id", "stock_code", "value")
_NUMBERS = ("after", "every", "count", "seconds", "seed")
_DRAWN_OF_FRAMES = ("lost", "doubled", "held", "width", "null", "cut", "encrypted")
_ENDS = ("1000", "1006", "1011", "silent")


@dataclass(slots=True)
class StreamFault:
    """One rule: what it meets and what happens to it."""

    kind: str
    tr_id: str = ""
    stock_code: str = ""
    after: float = 0.0
    """Seconds of a line's life before it begins."""
    every: int = 1
    count: int | None = None
    """How often it plays at most; None for always."""
    seconds: float | None = None
    value: str = ""
    seed: int = 0
    seen: int = 0
    played: int = 0

    def meets(self, tr_id: str, code: str, age: float) -> bool:
        """Count one matching frame or answer, and return whether the fault plays on it."""
        if age < self.after or (self.tr_id and self.tr_id != tr_id) or (self.stock_code and self.stock_code != code):
            return False
        self.seen += 1
        if self.seen % self.every or (self.count is not None and self.played >= self.count):
            return False
        self.played += 1
        return True


def parse_stream_fault(rule: Any) -> StreamFault:
    """Return the fault that one JSON object describes.

    Raises:
        InvalidRequestError: The kind or a name is unknown, or a value has the wrong type.
    """
    if not isinstance(rule, dict) or rule.get("kind") not in KINDS:
        raise InvalidRequestError(f"a fault of the stream has a kind: one of {', '.join(KINDS)}, not {rule!r}")
    known = {one.name for one in fields(StreamFault)} - {"seen", "played"}
    if unknown := set(rule) - known:
        raise InvalidRequestError(f"a fault of the stream has no {', '.join(sorted(unknown))}")
    for name in _TEXTS:
        if not isinstance(rule.get(name, ""), str):
            raise InvalidRequestError(f"a fault's {name} is text")
    for name in _NUMBERS:
        number = rule.get(name)
        if number is not None and (isinstance(number, bool) or not isinstance(number, (int, float)) or number < 0):
            raise InvalidRequestError(f"a fault's {name} is a number, not {number!r}")
    _require_value(rule["kind"], rule.get("value", ""))
    fault = StreamFault(**{name: given for name, given in rule.items() if given is not None})
    fault.every, fault.seed = max(1, int(fault.every)), int(fault.seed)
    return fault


def _require_value(kind: str, value: str) -> None:
    if kind == "refused" and value and value not in TEXTS:
        raise InvalidRequestError(f"a fault refused names a code of the stream, not {value!r}")
    if kind in {"width", "long", "close", "hostile"} and value:
        try:
            float(value)
        except ValueError:
            raise InvalidRequestError(f"the value of a fault {kind} is a number, not {value!r}") from None


class StreamFaults:
    """The rules in force for all lines."""

    def __init__(self) -> None:
        self.rules: list[StreamFault] = []

    def replace(self, rules: Any) -> None:
        """Put these rules in force in place of those before.

        Raises:
            InvalidRequestError: It is not a list of faults; the rules before stay in force.
        """
        if not isinstance(rules, list):
            raise InvalidRequestError("faults are a JSON list")
        self.rules = [parse_stream_fault(rule) for rule in rules]

    def next(self, of: dict[str, str], tr_id: str, code: str, age: float) -> StreamFault | None:
        """Return the rule of these kinds that plays now; None when none does."""
        return next((one for one in self.rules if one.kind in of and one.meets(tr_id, code, age)), None)


class Doom:
    """What a hostile seed has in store for one line.

    Args:
        fault: The rule.
        number: Which line this is, counted from 1.
    """

    def __init__(self, fault: StreamFault, number: int) -> None:
        self._draws = Random(f"{fault.seed}/{number}")  # noqa: S311 - a draw that can be repeated, not a secret
        self._share = float(fault.value or 0.01)
        mean = 120.0 if fault.seconds is None else fault.seconds
        self.ends_at = self._draws.expovariate(1 / mean) if mean else float("inf")
        self.end = self._draws.choice(_ENDS)

    def of_frame(self) -> StreamFault | None:
        """Return the fault of the next frame."""
        hit, kind = self._draws.random() < self._share, self._draws.choice(_DRAWN_OF_FRAMES)
        return StreamFault(kind) if hit else None

    def of_answer(self) -> StreamFault | None:
        """Return the fault of the next answer."""
        hit, kind = self._draws.random() < self._share, self._draws.choice([*OF_ANSWERS])
        return StreamFault(kind) if hit else None


def spoilt(fault: StreamFault, text: str) -> list[str]:
    """Return the texts that a frame becomes; kinds that are about time or codes leave it as it is."""
    change = _SPOIL.get(fault.kind)
    return [text] if change is None else change(fault, text)


def _parts(text: str) -> tuple[list[str], list[list[str]]]:
    head = text.split("|", 3)
    values, count = head[3].split("^"), int(head[2])
    width = len(values) // count
    return head[:3], [values[start : start + width] for start in range(0, len(values), width)]


def _frame(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["|".join([*head[:2], f"{len(rows):03d}", "^".join("^".join(row) for row in rows)])]


def _width(fault: StreamFault, text: str) -> list[str]:
    head, rows = _parts(text)
    more = int(float(fault.value or 1))
    return _frame(head, [[*row, *["0"] * more] if more >= 0 else row[:more] for row in rows])


def _null(_: StreamFault, text: str) -> list[str]:
    head, rows = _parts(text)
    return _frame(head, [[*row[:-1], "(null)"] for row in rows])


def _cut(_: StreamFault, text: str) -> list[str]:
    return [text.rsplit("^", 6)[0]]


def _long(fault: StreamFault, text: str) -> list[str]:
    head, rows = _parts(text)
    times = 1 + int(float(fault.value or 10_000)) // (len(text) - len("|".join(head)) - 1)
    return _frame(head, rows * times)


def _shifted(position: int, change: Callable[[str], str]) -> Callable[[list[str]], list[str]]:
    return lambda row: [*row[:position], change(row[position]), *row[position + 1 :]]


def _future(fault: StreamFault, text: str) -> list[str]:
    head, rows = _parts(text)
    ahead = int(3_600 if fault.seconds is None else fault.seconds)

    def later(at: str) -> str:
        seconds = min(int(at[:2]) * 3600 + int(at[2:4]) * 60 + int(at[4:]) + ahead, 86_399)
        return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"

    return _frame(head, [_shifted(1, later)(row) for row in rows])


def _backwards(_: StreamFault, text: str) -> list[str]:
    head, rows = _parts(text)
    place = 13 if len(rows[0]) < 50 else 53
    return _frame(head, [_shifted(place, lambda total: str(int(total) // 2))(row) for row in rows])


def _encrypted(_: StreamFault, __: str) -> list[str]:
    return ["1|H0STCNI0|001|" + "c2VhbGVkIHdpdGggYSBrZXkgdGhhdCBub2JvZHkgaGFz" * 4]


_SPOIL: dict[str, Callable[[StreamFault, str], list[str]]] = {
    "lost": lambda _, __: [],
    "silent_code": lambda _, __: [],
    "doubled": lambda _, text: [text, text],
    "width": _width,
    "null": _null,
    "cut": _cut,
    "long": _long,
    "future": _future,
    "backwards": _backwards,
    "encrypted": _encrypted,
}
