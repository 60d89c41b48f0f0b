"""Faults on request: which calls go wrong, how often and in what way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from data_pipeline.emulator.hostile import LIES
from data_pipeline.emulator.maintenance import DRESSES
from data_pipeline.exceptions import InvalidRequestError

KINDS = {
    "status": "answer with HTTP `status` and `body` (text or JSON) in place of the real answer",
    "html": "answer with an HTML error page under HTTP `status` (200 unless told)",
    "maintenance": "answer as during maintenance, in the dress that `value` names: page (unless told), cut_page, "
    "empty, redirect, 408, 429, 503, EGW00316 or unknown_code",
    "truncated": "cut the body or the master file in the middle; the length header tells the cut length",
    "drop": "close the connection without a byte",
    "hang": "answer nothing for `seconds` (an hour unless told), then close the connection",
    "drip": "send the body byte by byte, `seconds` apart (0.1 unless told), or with `value` headers all of the answer; "
    "then close the connection",
    "slow": "answer rightly, `seconds` later (1 unless told)",
    "rate": "reject as over the quota (EGW00201) without counting the call",
    "expired_token": "say that the token expired (EGW00123) under HTTP `status` (500 unless told; 200 was seen)",
    "empty_shell": "answer rt_cd 0 with the outputs nearly empty",
    "empty_rows": "append empty objects to the rows",
    "short_page": "send `rows` of the rows (none unless told) under success, without those at the end that `value` "
    "names: oldest (unless told), newest, or middle; heads stay. Of a master file: its first `rows` lines",
    "missing_field": "leave `field` out of every object",
    "non_numeric": "put `value` ('N/A' unless told) in `field` of every object",
    "scaled": "multiply `field` by `value`, rounded down, in the rows of `stock_code` alone",
    "closed_day": "send a row of a daily chart once more, under the day after it, which is no session",
    "wrong_code": "answer for stock code `value` ('999999' unless told) instead of the one asked for",
    "duplicate_rows": "send every row twice",
    "previous_day": "answer as of the session before: its figures and its rows",
    "hostile": "lie by `seed` (0 unless told) to about a quarter of the requests for rows, and to each of them always "
    "alike; `value` names the lies that may be told, with commas (all unless told)",
}
NEEDS_FIELD = ("missing_field", "non_numeric", "scaled")
TEXTS = ("path", "tr_id", "stock_code", "field", "value")
NUMBERS = ("every", "count", "skip", "status", "seconds", "rows", "seed")
VALUES = {
    "short_page": ("", "oldest", "newest", "middle"),
    "drip": ("", "body", "headers"),
    "maintenance": ("", *DRESSES),
    "hostile": ("", *LIES),
}
"""What ``value`` may say for the kinds that know only a few words."""


@dataclass(slots=True)
class Fault:
    """One rule: the calls it matches and what happens to them."""

    kind: str
    path: str = ""
    """The end of the path, for example ``inquire-price``; empty matches every path, ``/oauth2/tokenP`` included."""
    tr_id: str = ""
    stock_code: str = ""
    every: int = 1
    """Plays on the n-th, 2n-th, ... matching call."""
    count: int | None = None
    """How often it plays at most; None for always."""
    skip: int = 0
    """How many matching calls pass first."""
    status: int | None = None
    body: Any = None
    field: str = ""
    value: str = ""
    seconds: float | None = None
    rows: int = 0
    """How many rows a short page keeps."""
    seed: int = 0
    """Which world of lies a hostile server lives in."""
    seen: int = 0
    """Matching calls so far."""
    played: int = 0
    """How often it has played."""

    def matches(self, path: str, tr_id: str, stock_codes: tuple[str, ...]) -> bool:
        """Return whether this rule speaks of such a call."""
        return (
            path.endswith(self.path)
            and (not self.tr_id or self.tr_id == tr_id)
            and (not self.stock_code or self.stock_code in stock_codes)
        )

    @property
    def lies(self) -> tuple[str, ...]:
        """The lies that a hostile server may tell; empty for all."""
        return tuple(self.value.split(",")) if self.value else ()

    def due(self) -> bool:
        """Count one matching call and return whether the fault plays on it."""
        self.seen += 1
        late_enough = self.seen > self.skip and (self.seen - self.skip) % self.every == 0
        if not late_enough or (self.count is not None and self.played >= self.count):
            return False
        self.played += 1
        return True


def parse_fault(rule: Any) -> Fault:
    """Return the fault that one JSON object describes.

    Raises:
        InvalidRequestError: The kind is unknown, a name is unknown, or a value has the wrong type.
    """
    if not isinstance(rule, dict) or rule.get("kind") not in KINDS:
        raise InvalidRequestError(f"a fault is an object whose kind is one of {', '.join(KINDS)}, not {rule!r}")
    unknown = set(rule) - {"kind", "body", *TEXTS, *NUMBERS}
    if unknown:
        raise InvalidRequestError(f"a fault has no {', '.join(sorted(unknown))}")
    for name in TEXTS:
        if not isinstance(rule.get(name, ""), str):
            raise InvalidRequestError(f"a fault's {name} is text")
    for name in NUMBERS:
        number = rule.get(name)
        if number is not None and (isinstance(number, bool) or not isinstance(number, (int, float)) or number < 0):
            raise InvalidRequestError(f"a fault's {name} is a number, not {number!r}")
    if rule["kind"] in NEEDS_FIELD and not rule.get("field"):
        raise InvalidRequestError(f"a fault of kind {rule['kind']} names its field")
    _require_word(rule)
    fault = Fault(**rule)
    fault.every, fault.rows, fault.seed = max(1, int(fault.every)), int(fault.rows or 0), int(fault.seed or 0)
    return fault


def _require_word(rule: dict[str, Any]) -> None:
    words, value = VALUES.get(rule["kind"]), rule.get("value", "")
    if words and not {*(value.split(",") if rule["kind"] == "hostile" else [value])} <= {*words}:
        raise InvalidRequestError(f"the value of a fault {rule['kind']} is one of {', '.join(words[1:])}")
    if rule["kind"] == "scaled" and not _is_number(value):
        raise InvalidRequestError("the value of a fault scaled is a number from 0 on, as 0.99")


def _is_number(text: str) -> bool:
    try:
        return 0 <= float(text) < float("inf")
    except ValueError:
        return False


class Faults:
    """The rules in force; the first one that is due plays."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def replace(self, rules: Any) -> None:
        """Put these rules in force in place of those before.

        Raises:
            InvalidRequestError: It is not a list of faults; the rules before stay in force.
        """
        if not isinstance(rules, list):
            raise InvalidRequestError("faults are a JSON list")
        self.rules = [parse_fault(rule) for rule in rules]

    def next(self, path: str, tr_id: str, stock_codes: tuple[str, ...]) -> Fault | None:
        """Return the fault to play on this call, or None."""
        for rule in self.rules:
            if rule.matches(path, tr_id, stock_codes) and rule.due():
                return rule
        return None
