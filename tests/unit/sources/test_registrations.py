"""What is registered and what is asked for next, without a line."""

from __future__ import annotations

import pytest

from data_pipeline.market.stream_records import StreamKind, Subscription
from data_pipeline.market.venue import Venue
from data_pipeline.sources.registrations import Registrations

ONE, TWO, THREE = (Subscription(StreamKind.TRADE, Venue.KRX, code) for code in ("000001", "000002", "000003"))


@pytest.fixture
def registrations() -> Registrations:
    """Two places, a command a second, and the first two registered at 0 and 1."""
    made = Registrations(2, pace=1.0)
    made.want([ONE, TWO])
    for now in (0.0, 1.0):
        command = made.due(now)
        assert command is not None
        assert made.settle(command.one, registered=True)
    return made


def asked(registrations: Registrations, now: float) -> tuple[Subscription, bool, int] | None:
    """What is to be asked for, whether it is a registration, and which try it is."""
    command = registrations.due(now)
    return None if command is None else (command.one, command.registers, command.tries)


def test_nothing_is_due_while_all_is_as_it_is_wanted(registrations: Registrations) -> None:
    """No command, and no answer is waited for."""
    assert asked(registrations, 100.0) is None
    assert not registrations.waits


def test_a_command_comes_no_sooner_than_its_pace(registrations: Registrations) -> None:
    """One a second, whatever is wanted."""
    registrations.want([THREE])
    assert asked(registrations, 1.5) is None
    assert asked(registrations, 2.0) is not None
    assert asked(registrations, 2.9) is None


def test_what_goes_is_asked_for_again_and_makes_room(registrations: Registrations) -> None:
    """Ten seconds without an answer are another try; the answer frees the place."""
    registrations.want([TWO, THREE])
    assert asked(registrations, 10.0) == (ONE, False, 1)
    assert asked(registrations, 19.0) is None
    assert asked(registrations, 20.0) == (ONE, False, 2)
    registrations.settle(ONE, registered=False)
    assert asked(registrations, 21.0) == (THREE, True, 1)


def test_the_last_try_without_an_answer_leaves_it_alone_for_five_minutes(registrations: Registrations) -> None:
    """Its place is free meanwhile."""
    registrations.settle(TWO, registered=False)
    assert [asked(registrations, now) for now in (10.0, 20.0, 30.0)] == [(TWO, True, tries) for tries in (1, 2, 3)]
    assert registrations.unanswered(39.9) == []
    assert registrations.unanswered(40.0) == [TWO]
    assert asked(registrations, 339.9) is None
    assert asked(registrations, 341.0) == (TWO, True, 1)


def test_data_is_an_answer_only_where_one_is_waited_for(registrations: Registrations) -> None:
    """Data on its way while a registration was taken back does not bring it back."""
    registrations.settle(ONE, registered=False)
    registrations.confirm(ONE)
    assert registrations.registered == {TWO}
    assert asked(registrations, 10.0) == (ONE, True, 1)
    registrations.confirm(ONE)
    assert registrations.registered == {ONE, TWO}


def test_a_late_answer_is_known_and_a_strange_one_is_not(registrations: Registrations) -> None:
    """What was ever wanted may still be answered."""
    registrations.want([THREE])
    assert registrations.knows(ONE)
    assert not registrations.knows(ONE._replace(venue=Venue.NXT))
