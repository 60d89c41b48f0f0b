"""Fetching in threads: what comes, what is left out, how far ahead it goes, and that nothing is left running."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.engine.fetching import Stopped, fetch_codes, fetch_threads, fetched, until
from data_pipeline.exceptions import (
    ConfigurationError,
    PayloadError,
    RequestTimeoutError,
    UnknownStockError,
)


@dataclass(frozen=True)
class Unit:
    """Work."""

    number: int


def never():
    """There is always room."""
    return False


def running() -> list[str]:
    """Return the names of the threads that fetch."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("fetch")]


def test_everything_comes_once():
    """A hundred units in eight threads: each comes with its own result, and no thread is left."""
    found = list(fetched([Unit(number) for number in range(100)], lambda unit, _: unit.number * 2, 8, never))
    assert sorted((unit.number, result) for unit, result in found) == [(number, number * 2) for number in range(100)]
    assert not running()


def test_units_are_asked_for_side_by_side():
    """Eight threads wait for each other, which only ends when all eight are there at once."""
    together = threading.Barrier(8, timeout=20)
    assert len(list(fetched([Unit(number) for number in range(16)], lambda *_: together.wait(), 8, never))) == 16


def test_nothing_more_is_taken_while_there_is_no_room():
    """With room for eight, never more than eight have been taken and not handed on, and all five hundred come."""
    taken: list[int] = []
    handed_on: list[int] = []
    held: list[int] = []
    units = (taken.append(number) or Unit(number) for number in range(500))
    for unit, _ in fetched(units, lambda *_: None, 4, lambda: len(taken) - len(handed_on) >= 8):
        held.append(len(taken) - len(handed_on))
        handed_on.append(unit.number)
    assert max(held) == 8
    assert sorted(handed_on) == list(range(500))


def test_the_next_is_fetched_while_one_is_stored():
    """Whoever stores the first unit waits until two more have been asked for, which only threads can do meanwhile."""
    begun = [threading.Event() for _ in range(4)]
    results = fetched([Unit(number) for number in range(4)], lambda unit, _: begun[unit.number].set(), 2, never)
    next(results)
    assert all(event.wait(20) for event in begun[1:3])
    results.close()


def test_work_goes_on_although_the_room_is_too_small_for_anything():
    """A room that is always full holds one unit at a time, so that nothing waits for ever."""
    assert len(list(fetched([Unit(number) for number in range(5)], lambda *_: None, 2, lambda: True))) == 5


def test_a_failure_ends_all_threads():
    """The error comes out as it is; units under way are given up at their next record."""
    given_up = []

    def fetch(unit: Unit, stop: threading.Event):
        if unit.number == 0:
            raise RequestTimeoutError("no answer")
        try:
            list(until(stop, iter(lambda: stop.wait(0.01), None)))
        except Stopped:
            given_up.append(unit.number)
            raise

    with pytest.raises(RequestTimeoutError):
        list(fetched([Unit(number) for number in range(4)], fetch, 4, never))
    assert not running()
    assert set(given_up) <= {1, 2, 3}


def test_a_reader_that_stops_ends_all_threads():
    """Closing the iteration, as an ended task does, leaves nothing behind."""
    results = fetched(map(Unit, count()), lambda *_: None, 3, lambda: True)
    next(results)
    results.close()
    assert not running()


def test_units_that_wait_are_not_begun_any_more():
    """Of ten units taken, those that no thread had begun when the reader stopped never begin."""
    begun = []

    def fetch(unit: Unit, stop: threading.Event):
        begun.append(unit.number)
        if unit.number:
            stop.wait(20)

    results = fetched([Unit(number) for number in range(10)], fetch, 2, never)
    next(results)
    results.close()
    assert len(begun) <= 3


BAD = {"000003": UnknownStockError("000003", "here"), "000007": PayloadError("000007: no price")}


@pytest.mark.thorough
@given(bad=st.sets(st.integers(0, 29)), named=st.booleans())
def test_bad_codes_among_thirty_are_found(bad, named):
    """Whichever they are, and whether or not the error names them, all others come once and the bad ones are listed."""
    codes = tuple(f"{number:06d}" for number in range(30))
    wrong = {codes[number] for number in bad}

    def fetch(asked):
        for code in asked:
            if code in wrong:
                raise UnknownStockError(code, "here") if named else PayloadError("one of them is malformed")
        return list(asked)

    records, failed = fetch_codes(codes, fetch, divisible=True)
    assert sorted(records) == sorted(set(codes) - wrong)
    assert set(failed) == wrong


def test_one_bad_code_among_thirty_costs_about_ten_requests():
    """Halves are asked for until the bad code stands alone."""
    calls = []

    def fetch(asked):
        calls.append(asked)
        if "000017" in asked:
            raise PayloadError("one of them is malformed")
        return list(asked)

    fetch_codes(tuple(f"{number:06d}" for number in range(30)), fetch, divisible=True)
    assert len(calls) <= 11


@pytest.mark.parametrize("error", [RequestTimeoutError("no answer"), ConfigurationError("no key")])
def test_an_error_that_is_not_about_codes_comes_out(error):
    """A server that is away is not a matter of single codes."""

    def fetch(_):
        raise error

    with pytest.raises(type(error)):
        fetch_codes(("000001", "000002"), fetch, divisible=True)


def test_what_cannot_be_divided_fails_as_a_whole():
    """A source that is asked for the whole market at once is not asked again code by code."""
    asked = []

    def fetch(codes):
        asked.append(codes)
        raise PayloadError("the market's answer is no JSON")

    with pytest.raises(PayloadError):
        fetch_codes(("000003", "000007"), fetch, divisible=False)
    assert asked == [("000003", "000007")]


def test_a_code_that_a_whole_market_lacks_is_left_out():
    """Where codes are not divided, the one that the error names is left out and the others come."""

    def fetch(codes):
        if "000003" in codes:
            raise UnknownStockError("000003", "KRX")
        return list(codes)

    found, failed = fetch_codes(("000003", "000007"), fetch, divisible=False)
    assert (found, list(failed)) == (["000007"], ["000003"])
    assert fetch_codes(("000003",), fetch, divisible=False)[0] == []


def test_threads_come_from_the_environment():
    """What is given, else FETCH_THREADS, whatever the budget is."""
    environ = {"FETCH_THREADS": "3"}
    assert [fetch_threads(environ, 180.0, given) for given in (None, "", 5, "7")] == [3, 3, 5, 7]


@pytest.mark.parametrize(
    ("calls_a_second", "threads"), [(None, 8), (1.0, 8), (18.0, 8), (120.0, 8), (126.0, 9), (180.0, 12), (1800.0, 64)]
)
def test_threads_follow_the_budget(calls_a_second, threads):
    """One for each 15 calls a second, 8 at least and 64 at most."""
    assert fetch_threads({}, calls_a_second) == threads


@pytest.mark.parametrize("text", ["0", "65", "-1", "2.5", "many"])
def test_a_wrong_number_of_threads_is_named(text):
    """The message names the variable, of a number that is given too."""
    for environ, argument in (({"FETCH_THREADS": text}, None), ({}, text)):
        with pytest.raises(ConfigurationError, match="FETCH_THREADS"):
            fetch_threads(environ, 18.0, argument)
