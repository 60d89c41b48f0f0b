"""What was otherwise before: old names, another board, fewer shares, other hours, and a code used before.

Nothing of it moves a price or changes what is listed on the reference session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from data_pipeline.sources.mock.codes import check_digit
from data_pipeline.sources.mock.issue import Former, Issue
from data_pipeline.sources.mock.issuers import WELL_KNOWN
from data_pipeline.sources.mock.noise import text_key
from data_pipeline.sources.mock.universe import REFERENCE_SESSION

RENAMED_ON = date(2025, 3, 4)
MOVED_ON = date(2023, 9, 1)
OFFERED_ON = date(2026, 11, 12)
AFTER_MARKET_SINCE = date(2026, 9, 14)
ISSUED_ON = date(2025, 6, 2)
_SHARES_BEFORE = 90
"""Percent of today's shares before the new ones were issued."""
_APART = 500
"""Sessions between the two lives of a code, at least."""


def with_past(issues: Mapping[str, Issue], indices: Mapping[date, int]) -> dict[str, Issue]:
    """Return the instruments, some with a past.

    Two were renamed, one moved from KOSDAQ to KOSPI, one from KONEX to KOSDAQ with a public offering and left the list
    soon after, and one issued new shares. Those that find no orders on some days trade after hours since there are any.
    """
    kospi, kosdaq = (_quiet(issues, market) for market in ("KOSPI", "KOSDAQ"))
    pasts: list[tuple[Issue, date, Former]] = [
        *((one, RENAMED_ON, Former(0, name=f"옛{one.name}")) for some in (kospi, kosdaq) for one in some[2:3]),
        *((one, MOVED_ON, Former(0, market="KOSDAQ", listed_on=one.listed_on)) for one in kospi[5:6]),
        *((one, ISSUED_ON, Former(0, shares=one.shares * _SHARES_BEFORE // 100)) for one in kosdaq[5:6]),
    ]
    changed = dict(issues)
    for one, day, former in pasts:
        if day in indices:
            moved_on = day if former.market else None
            changed[one.code] = replace(one, former=replace(former, until=indices[day]), moved_on=moved_on)
    late_from = indices.get(AFTER_MARKET_SINCE)
    late = {code: one for code, one in changed.items() if one.idle and one.market != "KONEX"}
    changed.update((code, replace(one, late_from=late_from)) for code, one in late.items())
    if OFFERED_ON in indices:
        changed.update((one.code, one) for one in _moved_with_an_offer(issues, indices))
    return changed


def _moved_with_an_offer(issues: Mapping[str, Issue], indices: Mapping[date, int]) -> Iterator[Issue]:
    """Yield the instrument that leaves KONEX for KOSDAQ: the last to leave the list, so that none moves on today's."""
    until, reference = indices[OFFERED_ON], indices[REFERENCE_SESSION]
    leave = [
        one for one in issues.values()
        if one.market == "KONEX" and not one.steps and one.listed < until < (one.delisted or 0) <= reference
    ]  # fmt: skip
    for one in sorted(leave, key=lambda one: one.delisted or 0)[-1:]:
        former = Former(until, market="KONEX", listed_on=one.listed_on, offered=True)
        yield replace(one, market="KOSDAQ", former=former, moved_on=OFFERED_ON)


def earlier_issues(seed: int, issues: Mapping[str, Issue]) -> dict[str, Issue]:
    """Return the instrument that had a code before its present one, by code: one at most."""
    gone = [one for one in issues.values() if one.delisted is not None and not one.steps and one.market == "KOSDAQ"]
    for before in sorted(gone, key=lambda one: one.delisted or 0):
        for after in issues.values():
            if _may_follow(before, after):
                body = f"KR7{after.code}01"
                key = text_key(seed, f"{after.code}/earlier")
                isin = body + str(check_digit(body))
                return {after.code: replace(before, code=after.code, isin=isin, name=f"첫{before.name}", key=key)}
    return {}


def _may_follow(before: Issue, after: Issue) -> bool:
    ordinary = (after.market, after.group, after.delisted) == ("KOSDAQ", "ST", None) and after.code.isdigit()
    return ordinary and not after.idle and after.listed > (before.delisted or 0) + _APART


def _quiet(issues: Mapping[str, Issue], market: str) -> Sequence[Issue]:
    """Return instruments of a board that were listed before 2010 and to which little else happens."""
    famous = {issuer.code for issuer in WELL_KNOWN}
    return [
        one for one in issues.values()
        if (one.market, one.group, one.delisted) == (market, "ST", None) and one.listed < 0
        and not (one.steps or one.halts or one.idle or one.preferred) and one.code not in famous
    ]  # fmt: skip
