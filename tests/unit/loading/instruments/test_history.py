"""What held when, worked out of lists that come in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.loading.instruments.history import Facts, Range, Run, Stay, Voice, history, observe, stays

OLD = Facts("KR7005930003", "갑전자", "KOSDAQ", "ST", date(2015, 3, 2), 100, 500.0, False, False, False, False)
NEW = replace(OLD, name="갑테크")
OTHER = replace(OLD, isin="KR7005930011", name="을바이오", listed_on=date(2020, 1, 9))


def day(number: int) -> date:
    """A day of January 2020."""
    return date(2020, 1, number)


def told(lists: Sequence[tuple[int, Facts | None]]) -> Voice:
    """A voice after these complete lists, in this order."""
    runs: list[Run] = []
    sessions: list[date] = []
    for number, facts in lists:
        sessions = sorted({*sessions, day(number)})
        runs = observe(runs, day(number), facts, sessions, sessions)
    return Voice(runs, sessions)


def ranges(*found: Range) -> list[tuple[int, int | None, str]]:
    """First day, first day no longer, and name of each range."""
    return [(one.valid_from.day, one.valid_to.day if one.valid_to else None, one.facts.name) for one in found]


NOBODY = Voice()
LISTS = st.dictionaries(st.integers(1, 12), st.sampled_from([OLD, NEW, OTHER, None]), max_size=9)


@pytest.mark.thorough
@given(LISTS, LISTS, st.randoms(use_true_random=False))
def test_any_order_of_lists_gives_the_same_history(exchange, broker, random):
    """The lists of both voices, shuffled, leave the very same runs, ranges and stays."""
    shuffled = [list(lists.items()) for lists in (exchange, broker)]
    for one in shuffled:
        random.shuffle(one)
    plain = [told(sorted(lists.items())) for lists in (exchange, broker)]
    assert [told(one) for one in shuffled] == plain
    found = history(*plain)
    assert stays(found) == stays(history(*map(told, shuffled)))


@pytest.mark.thorough
@given(LISTS, st.integers(1, 12), st.sampled_from([OLD, NEW, None]))
def test_a_list_told_again_changes_nothing_and_a_corrected_one_counts(lists, session, facts):
    """Whatever a session's list said before, what it said last counts, as if it had said nothing else."""
    first = list(lists.items())
    again = told([*first, (session, facts), (session, facts)])
    assert again == told(sorted({**lists, session: facts}.items()))


@pytest.mark.thorough
@given(LISTS)
def test_each_list_is_read_back(lists):
    """On the session of a list, the history says what the list says; in between, what the list before says."""
    found = history(told(list(lists.items())), NOBODY)
    for number in range(1, 14):
        before = [one for one in sorted(lists) if one <= number]
        holds = [
            one.facts for one in found
            if one.valid_from <= day(number) and (one.valid_to is None or day(number) < one.valid_to)
        ]  # fmt: skip
        said = lists[before[-1]] if before else None
        assert holds == ([] if said is None else [said])


@pytest.mark.thorough
@given(LISTS, LISTS)
def test_the_exchange_is_believed_where_it_told(exchange, broker):
    """On a session of the exchange's own list its name holds, or the instrument is not listed."""
    voice = told(list(exchange.items()))
    if not voice.runs:
        return
    found = history(voice, told(list(broker.items())))
    for number, said in exchange.items():
        names = [one.facts.name for one in found if one.valid_from <= day(number) < (one.valid_to or date.max)]
        assert names == ([] if said is None else [said.name])


@pytest.mark.thorough
@given(LISTS, LISTS)
def test_ranges_and_stays_never_overlap(exchange, broker):
    """Ranges follow each other; every stay ends before the next begins."""
    found = history(told(list(exchange.items())), told(list(broker.items())))
    for before, after in pairwise(found):
        assert before.valid_to is not None
        assert before.valid_from < before.valid_to <= after.valid_from
    for one, other in pairwise(stays(found)):
        assert one.delisted_on is not None
        assert other.listed_from is not None
        assert one.delisted_on <= other.listed_from


def test_a_month_is_bisected():
    """Lists a month apart say that the name changed by the 30th; one in between tells that it was by the 16th."""
    lists = [(1, OLD), (30, NEW)]
    assert ranges(*history(told(lists), NOBODY)) == [(1, 30, "갑전자"), (30, None, "갑테크")]
    assert ranges(*history(told([*lists, (16, NEW)]), NOBODY)) == [(1, 16, "갑전자"), (16, None, "갑테크")]


def test_a_code_is_used_again():
    """It leaves the list on the 5th; another instrument has the code from the 9th on."""
    voice = told([(1, OLD), (5, None), (10, OTHER)])
    assert stays(history(voice, NOBODY)) == [
        Stay(date(2015, 3, 2), day(5), OLD.isin),
        Stay(day(9), None, OTHER.isin),
    ]


def test_a_code_is_used_again_between_two_lists():
    """No list shows the code unused, but another ISIN and a later listing day tell the two instruments apart."""
    assert stays(history(told([(1, OLD), (10, OTHER)]), NOBODY)) == [
        Stay(date(2015, 3, 2), day(9), OLD.isin),
        Stay(day(9), None, OTHER.isin),
    ]


def test_a_move_to_another_board_is_one_stay():
    """The listing day of the new board begins no second life."""
    moved = replace(OLD, market="KOSPI", listed_on=day(8))
    assert stays(history(told([(1, OLD), (8, moved)]), NOBODY)) == [Stay(date(2015, 3, 2), None, OLD.isin)]


def test_a_lasting_difference_never_flips():
    """KIS spells the name its own way every day; the day that KRX has not told of yet keeps KRX's spelling."""
    spelled = replace(OLD, name="갑 전자", halted=True)
    broker = told([(1, spelled), (2, spelled), (3, spelled)])
    exchange = told([(1, replace(OLD, halted=None)), (2, replace(OLD, halted=None))])
    found = history(exchange, broker)
    assert ranges(*found) == [(1, None, "갑전자")]
    assert found[0].facts.halted is True


def test_news_of_the_brokers_hold_until_the_exchange_has_told():
    """KIS tells of a new name this morning; KRX's list of yesterday cannot know it."""
    exchange, broker = told([(1, OLD), (2, OLD)]), told([(1, OLD), (2, OLD), (3, NEW)])
    assert ranges(*history(exchange, broker)) == [(1, 3, "갑전자"), (3, None, "갑테크")]
    assert ranges(*history(told([(1, OLD), (2, OLD), (3, OLD)]), broker)) == [(1, None, "갑전자")]


def test_an_issue_that_left_this_morning():
    """KIS's list of the third lacks it, and KRX's newest list, of the second, has it: delisted on the third."""
    found = history(told([(1, OLD), (2, OLD)]), told([(2, OLD), (3, None)]))
    assert stays(found) == [Stay(date(2015, 3, 2), day(3), OLD.isin)]


def test_an_issue_that_the_brokers_never_had():
    """KIS's first list, of the third, lacks what KRX's list of the second had; KRX's own list of the third decides."""
    kis = told([(3, None), (4, None)])
    assert stays(history(told([(2, OLD)]), kis)) == [Stay(date(2015, 3, 2), day(3), OLD.isin)]
    assert stays(history(told([(2, OLD), (3, OLD)]), kis)) == [Stay(date(2015, 3, 2), None, OLD.isin)]


def test_a_correction_rejoins_what_it_had_cut():
    """A wrong name on one day in the middle, told right later, leaves one run."""
    lists = [(number, OLD) for number in range(1, 6)]
    assert told([*lists, (3, NEW), (3, OLD)]) == told(lists)
    assert [run.last - run.first for run in told(lists).runs] == [timedelta(days=4)]
