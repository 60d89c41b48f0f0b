"""Wishes in order of priority, spread over keys."""

from __future__ import annotations

import logging

import pytest

from data_pipeline.market.stream_records import StreamKind, Subscription
from data_pipeline.market.stream_wishes import wishes
from data_pipeline.market.venue import Venue
from data_pipeline.stream.subscriptions import Desk, place

CODES = [f"{number:06d}" for number in range(60)]


def wanted(number: int) -> tuple[Subscription, ...]:
    """So many trades."""
    return wishes(CODES[:number], [StreamKind.TRADE], [Venue.KRX])


@pytest.mark.parametrize("limit", range(42))
def test_one_key_takes_as_many_as_it_takes_and_the_rest_is_told(limit):
    """The most important ones are placed, whatever the limit."""
    found = place(wanted(41), {"a": limit}, {})
    assert found.by_key["a"] == wanted(41)[:limit]
    assert found.left == wanted(41)[limit:]


def test_two_keys_take_twice_as_many_and_half_each():
    """82 of 90 are placed, 41 on each key; 20 are shared evenly."""
    found = place(wanted(60), {"a": 25, "b": 25}, {})
    assert (len(found.by_key["a"]), len(found.by_key["b"]), len(found.left)) == (25, 25, 10)
    even = place(wanted(20), {"a": 41, "b": 41}, {})
    assert {len(placed) for placed in even.by_key.values()} == {10}


def test_what_a_key_holds_stays_there():
    """A key that lost room gives its least important ones away, and nothing else moves."""
    first = place(wanted(10), {"a": 10, "b": 10}, {})
    held = {one: key for key, placed in first.by_key.items() for one in placed}
    second = place(wanted(10), {"a": 3, "b": 10}, held)
    assert second.by_key["a"] == first.by_key["a"][:3]
    assert set(first.by_key["b"]) < set(second.by_key["b"])
    assert second.left == ()


def test_the_least_important_ones_make_room_on_the_other_key():
    """With room for four in all, the four most important ones have it."""
    first = place(wanted(6), {"a": 3, "b": 3}, {})
    held = {one: key for key, placed in first.by_key.items() for one in placed}
    second = place(wanted(6), {"a": 1, "b": 3}, held)
    assert sorted((*second.by_key["a"], *second.by_key["b"])) == sorted(wanted(6)[:4])


def test_the_desk_tells_once_what_nobody_takes(caplog):
    """Learning the same limit again changes nothing and says nothing."""
    desk = Desk(wanted(5), {"a": 41})
    before = desk.of("a")
    assert before is desk.of("a")
    assert desk.left == ()
    with caplog.at_level(logging.WARNING):
        desk.learn("a", 3)
        desk.learn("a", 3)
    assert desk.of("a") == wanted(5)[:3]
    assert desk.left == wanted(5)[3:]
    assert [record.getMessage() for record in caplog.records] == [
        "no app key has room for the trade of 000003 (KRX), trade of 000004 (KRX): REST has to serve them"
    ]


def test_what_is_refused_for_good_makes_room():
    """A code that the server does not know takes no registration away from others."""
    desk = Desk(wanted(5), {"a": 4})
    desk.learn("a", 4, [wanted(5)[0]])
    assert desk.of("a") == wanted(5)[1:]
    assert desk.rest == wanted(5)[:1]
    desk.learn("a", 3)
    assert desk.rest == (wanted(5)[0], wanted(5)[4])
