"""Who is listed: about 2,750 instruments on the reference session, and those that came before or will come."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from data_pipeline.market.boards import KONEX_OPENED
from data_pipeline.sources.mock.codes import CodeBook, isin_of
from data_pipeline.sources.mock.issue import BEFORE_COVERAGE, OLD, SESSION_ZERO, Issue, Pin, Step
from data_pipeline.sources.mock.issuers import WELL_KNOWN, Issuer
from data_pipeline.sources.mock.life import Events, Life, Lives, draw_events
from data_pipeline.sources.mock.names import Name, company_names, fund_names
from data_pipeline.sources.mock.noise import ONE, bell, below, between, log_of, power_of_two, text_key
from data_pipeline.sources.mock.path import log_price

REFERENCE_SESSION = date(2026, 11, 20)
"""The session whose figures for 005930 are fixed."""
LETTERS_SINCE = date(2024, 1, 1)

_FORESIGHT = 270
"""Nothing is drawn beyond so many sessions after the reference, so that another year of calendar changes no past."""
_BELL_UNIT = 37837
_NO_EVENTS = Events((), (), managed=False)
_FACES = (500, 500, 500, 500, 500, 500, 100, 100, 5000, 1000, 200)
_SIGMA, _LEVEL, _TURNOVER, _SHARES, _FACE, _IDLE, _MANAGED, _THIN = (salt << 52 for salt in range(1, 9))


class _Board(NamedTuple):
    """How many instruments a board has, and how they trade; logarithms are in quarters of an octave."""

    market: str
    group: str
    present: int
    past: int
    coming: int
    sigma: tuple[int, int]
    """Daily deviation, hundredths of a percent. Wider than (290; KONEX 150) would break the price limits."""
    level: int
    turnover: int
    spread: int


_BOARDS = (
    _Board("KOSPI", "ST", 835, 60, 12, (110, 240), 54, 122, 7),
    _Board("KOSDAQ", "ST", 1650, 170, 48, (170, 285), 50, 118, 6),
    _Board("KONEX", "ST", 110, 30, 6, (60, 150), 47, 84, 4),
    _Board("KOSPI", "EF", 60, 4, 4, (40, 170), 54, 118, 8),
)
_PREFERRED = 105
_WITH_PREFERRED = {"003550", "005380", "005930", "006400", "009150", "051910", "066570", "096770"}
_PREFERRED_ENDINGS = (("5", "우", "1P"), ("7", "2우B", "2PB"), ("K", "3우C", "3PC"))


class _Universe:
    def __init__(self, seed: int, known: Sequence[date]) -> None:
        self.seed = seed
        self.index = {session: index for index, session in enumerate(known)}
        self.sessions = known[: self.index[REFERENCE_SESSION] + _FORESIGHT]
        self.lives = Lives(self.sessions, self.index[REFERENCE_SESSION])
        self.konex_opened = self.index[KONEX_OPENED]
        well_known = {issuer.code for issuer in WELL_KNOWN}
        reserved = {code[:5] + ending for code in well_known for ending in "579K"}
        self.codes = CodeBook(text_key(seed, "codes"), well_known | reserved)
        self.companies = company_names(text_key(seed, "companies"))
        self.funds = fund_names(text_key(seed, "funds"))

    def issues(self) -> Iterator[Issue]:
        well_known = [self.well_known(issuer) for issuer in WELL_KNOWN]
        yield from well_known
        old = [issue for issue in well_known if issue.code in _WITH_PREFERRED]
        for board in _BOARDS:
            known = sum((issue.market, issue.group) == (board.market, board.group) for issue in well_known)
            for issue in self.on_board(board, board.present - known):
                yield issue
                if (issue.board, issue.listed) == ("KOSPI", OLD):
                    old.append(issue)
        yield from self.preferred([issue for issue in old if issue.delisted is None])

    def on_board(self, board: _Board, present: int) -> Iterator[Issue]:
        oldest = self.konex_opened if board.market == "KONEX" else OLD
        draws: list[tuple[int, Callable[[int], Life]]] = [
            (present, lambda key: self.lives.present(key, oldest)),
            (board.past, lambda key: self.lives.past(key, oldest)),
            (board.coming, self.lives.coming),
        ]
        for kind, (count, draw) in enumerate(draws):
            for number in range(count):
                key = text_key(self.seed, f"{board.market}/{board.group}/{kind}/{number}")
                yield self.made_up(board, key, draw(key))

    def made_up(self, board: _Board, key: int, life: Life) -> Issue:
        fund = board.group == "EF"
        name = next(self.funds if fund else self.companies)
        code = self.codes.lettered() if life.listed_on >= LETTERS_SINCE else self.codes.numeric()
        level = _octaves(key, _LEVEL, board.level, 4)
        idle = _idle_sessions(board, key)
        quiet = fund or idle > 0
        events = _NO_EVENTS if quiet else draw_events(key, life, len(self.sessions), level)
        return self.issue(board, key, life, code, name, level, events, idle)

    def issue(
        self, board: _Board, key: int, life: Life, code: str, name: Name, level: int, events: Events, idle: int
    ) -> Issue:
        turnover = _octaves(key, _TURNOVER, board.turnover, board.spread)
        shares = power_of_two(turnover + between(key, _SHARES, 6 * ONE, 9 * ONE) - level)
        return Issue(
            code=code, isin=isin_of(code), name=name.korean, english_name=name.english,
            market=board.market, group=board.group, sector=name.sector, industry=name.industry,
            listed_on=life.listed_on, listed=life.listed, delisted=life.delisted,
            shares=max(shares // 1000, 300) * 1000, face_value=_face_value(board, key, events.steps),
            key=key, sigma=_sigma(key, board.sigma), level=level, turnover=turnover,
            halts=events.halts, steps=events.steps, idle=idle,
            thin=board.group == "EF" and below(key, _THIN, 3) == 0,
            managed=events.managed or (board.market == "KOSDAQ" and below(key, _MANAGED, 40) == 0),
        )  # fmt: skip

    def well_known(self, issuer: Issuer) -> Issue:
        key = text_key(self.seed, issuer.code)
        listed = self.index[issuer.listed_on] if issuer.listed_on >= self.sessions[0] else OLD
        steps, halts = self.known_split(issuer)
        fund = issuer.sector == "ETF"
        face = None if fund else issuer.face_value * issuer.split_into
        sigma = _sigma(key, (100, 150))
        reference = self.lives.reference
        clock = reference - sum(last - first + 1 for first, last in halts)
        level = log_of(issuer.price * issuer.split_into) - log_price(key, sigma, clock)
        return Issue(
            code=issuer.code, isin=isin_of(issuer.code), name=issuer.name, english_name=issuer.english_name,
            market=issuer.market, group="EF" if fund else "ST", sector=issuer.sector, industry=issuer.sector,
            listed_on=issuer.listed_on, listed=listed, delisted=None,
            shares=issuer.shares // issuer.split_into, face_value=face,
            key=key, sigma=sigma, level=level, turnover=log_of(issuer.price * issuer.shares) - 17 * ONE // 2,
            halts=halts, steps=steps, pins=_pins(reference) if issuer.code == "005930" else (),
        )  # fmt: skip

    def known_split(self, issuer: Issuer) -> tuple[tuple[Step, ...], tuple[tuple[int, int], ...]]:
        if issuer.split_on is None:
            return (), ()
        index = self.index[issuer.split_on]
        return (Step(index, 1, issuer.split_into),), ((index - 3, index - 1),)

    def preferred(self, commons: list[Issue]) -> Iterator[Issue]:
        for number in range(_PREFERRED):
            serial, place = divmod(number, _PREFERRED * 3 // 4)
            common = commons[place + 30 * serial]
            ending, korean, english = _PREFERRED_ENDINGS[serial + (place % 7 == 0 and serial > 0)]
            key = text_key(self.seed, f"{common.code}/{ending}")
            name = Name(common.name + korean, f"{common.english_name}({english})", common.sector, common.industry)
            yield self.preferred_of(common, key, self.codes.preferred(common.code, ending), name)

    def preferred_of(self, common: Issue, key: int, code: str, name: Name) -> Issue:
        numerator, denominator = common.split(len(self.sessions))
        level = common.level - log_of(1000 * denominator // numerator) + log_of(1000) - ONE // 3
        life = Life(common.listed_on, common.listed, None)
        issue = self.issue(_BOARDS[0], key, life, code, name, level, _NO_EVENTS, idle=0)
        face = None if common.face_value is None else common.face_value * numerator // denominator
        shares = common.shares * denominator // numerator // 8
        return replace(issue, preferred=True, shares=shares, face_value=face, turnover=common.turnover - 4 * ONE)


@lru_cache(maxsize=2)
def build_universe(seed: int, sessions: tuple[date, ...]) -> Mapping[str, Issue]:
    """Return every instrument ever listed, by stock code, in order of code, given all known sessions.

    Markets of the same seed share it, so it cannot be changed.
    """
    zero = sessions.index(SESSION_ZERO)
    early = sessions[:zero]
    issues = sorted(_Universe(seed, sessions[zero:]).issues(), key=lambda issue: issue.code)
    return MappingProxyType({issue.code: _dated(issue, early) for issue in issues})


def _dated(issue: Issue, early: Sequence[date]) -> Issue:
    """Return an instrument with the day and index of its first session, where that lies before ``SESSION_ZERO``."""
    if issue.listed != OLD:
        return issue
    place = bisect_left(early, issue.listed_on)
    if place == 0:
        return replace(issue, listed=BEFORE_COVERAGE)
    return replace(issue, listed=place - len(early), listed_on=early[place])


def _octaves(key: int, salt: int, quarters: int, spread: int) -> int:
    return quarters * ONE // 4 + bell(key, salt) * spread * ONE // (4 * _BELL_UNIT)


def _sigma(key: int, bounds: tuple[int, int]) -> int:
    return between(key, _SIGMA, *bounds) * 14427 * ONE // 10**8


def _idle_sessions(board: _Board, key: int) -> int:
    if board.market == "KONEX":
        return max(between(key, _IDLE, -2, 6), 0)
    return int(board.group == "ST" and below(key, _IDLE, 100) == 0)


def _face_value(board: _Board, key: int, steps: tuple[Step, ...]) -> int | None:
    if board.group == "EF":
        return None
    splits = [step for step in steps if step.is_split]
    if splits:
        return 5000 if splits[0].denominator > 1 else 100
    return _FACES[below(key, _FACE, len(_FACES))]


def _pins(reference: int) -> tuple[Pin, ...]:
    """The example of the product's README; its base price is off tick, which the real market would not allow."""
    return (
        Pin(reference - 1, close=69_580),
        Pin(reference, close=71_000, base=69_580, volume=25_483_920),
    )
