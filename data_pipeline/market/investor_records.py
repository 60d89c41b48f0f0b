"""The vocabulary of investor flows (투자자별 매매동향): who bought and who sold an instrument on a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

TOTALS = ("individual", "foreign", "institution")
"""Individuals (개인), foreigners (외국인) and institutions in total (기관계)."""
INSTITUTIONS = ("securities", "trust", "private_fund", "bank", "insurance", "merchant_bank", "pension")
"""The kinds of institutions: 증권, 투자신탁, 사모 펀드, 은행, 보험, 종금, 기금."""
OTHERS = ("other_group", "other_corporation")
"""Who is in no total: other groups (기타 단체) and other corporations (기타 법인)."""
KINDS = (*INSTITUTIONS, *OTHERS)
"""Every kind of investor beside the totals."""


class Traded(NamedTuple):
    """What one kind of investor bought and sold."""

    bought_volume: int
    """Shares."""
    sold_volume: int
    bought_value: int
    """Won, exact to a million."""
    sold_value: int


@dataclass(frozen=True, slots=True)
class InvestorFlow:
    """One session of one instrument, by kind of investor."""

    stock_code: str
    session: date
    volume: int | None
    """Shares traded by everybody; None where the source does not tell."""
    individual: Traded
    foreign: Traded
    institution: Traded
    kinds: Mapping[str, Traded] = field(default_factory=dict)
    """By each of :data:`KINDS`; empty where the source tells the totals only."""

    def of(self, kind: str) -> Traded | None:
        """Return what a kind bought and sold, a total included; None where the source does not tell."""
        found: Traded | None = getattr(self, kind) if kind in TOTALS else self.kinds.get(kind)
        return found

    def __post_init__(self) -> None:
        what = f"investor flow of {self.stock_code} on {self.session}"
        if set(self.kinds) not in (set(), set(KINDS)):
            raise ValueError(f"{what}: only some of the kinds of investors")
        every = {name: self.of(name) for name in (*TOTALS, *self.kinds)}
        for name, traded in every.items():
            if traded is None or min(traded) < 0:
                raise ValueError(f"{what}: {name} investors bought or sold a negative amount")
            if self.volume is not None and max(traded.bought_volume, traded.sold_volume) > self.volume:
                raise ValueError(f"{what}: {name} investors traded more than the {self.volume:,} shares of all")


@dataclass(frozen=True, slots=True)
class MarketFlow:
    """What each kind of investor bought on one session of a whole board, less what it sold."""

    market: str
    """KOSPI or KOSDAQ."""
    session: date
    net: Mapping[str, int]
    """Won, exact to a million, by each of :data:`TOTALS` and :data:`KINDS`."""
