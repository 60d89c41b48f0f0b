"""Whoever connects, or registers, as KIS forbids it is blocked for a while."""

from __future__ import annotations

from data_pipeline.emulator.kis.stream.rules import StreamRules
from tests.support.live_emulator import House


def live(house: House, seconds: float) -> bool:
    """Connect, live so long, end; return whether the server let it in."""
    if not house.desk.admits("127.0.0.1"):
        return False
    session, began = object(), house.ticker.now
    house.ticker.now += seconds
    house.desk.ended(session, "127.0.0.1", began, properly=True)
    return True


def test_ten_short_lives_in_a_row_are_enough(house):
    """The eleventh connect is refused, and so is every one until the ban is over."""
    assert [live(house, 5) for _ in range(11)] == [True] * 10 + [False]
    house.ticker.now += 599
    assert not live(house, 5)
    house.ticker.now += 1
    assert live(house, 5)
    assert house.desk.counts.banned == 2


def test_a_long_life_makes_up_for_short_ones(house):
    """Counted is only what comes in a row."""
    assert all(live(house, 100 if nth % 5 == 4 else 1) for nth in range(40))


def test_a_connect_too_soon_after_a_short_life(house):
    """Only where the rule is on; ten seconds later it is none."""
    house.desk.rules = StreamRules(spacing=10)
    assert live(house, 5)
    house.ticker.now += 10
    assert live(house, 5)
    house.ticker.now += 9.9
    assert not live(house, 5)


def test_registering_in_a_loop_blocks_the_key(house):
    """More than 120 changes within a minute; others are served, and forgiving ends it."""
    talk = house.talk()
    heard = []
    for _ in range(61):
        heard += house.ask(talk) + house.ask(talk, ends=True)
    assert heard[119:] == ["OPSP0001", "OPSP9994", "OPSP9994"]
    house.ticker.now += 60
    assert house.ask(talk) == ["OPSP9994"]
    house.desk.forgive()
    assert house.ask(talk) == ["OPSP0000"]


def test_another_address_is_not_blocked(house):
    """A ban is of an address."""
    assert not all(live(house, 5) for _ in range(11))
    assert house.desk.admits("127.0.0.2")
