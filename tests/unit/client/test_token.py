"""One token for everybody: renewed early, asked for once, and never used past its end."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import pytest

from data_pipeline.client.token import Token, TokenManager
from data_pipeline.client.token_seal import TokenSeal
from data_pipeline.exceptions import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    CoordinationError,
    RequestTimeoutError,
    TokenUnavailableError,
)

DAY = 86_400.0
WALL = 1_800_000_000.0
SEAL = TokenSeal("k", "very-secret")
DAMAGED = [
    '{"token": 3}',
    json.dumps({"token": SEAL.close("v"), "refresh_at": "x"}),
    '{"holder": "h", "until": []}',
    '{"refused": [1]}',
    '{"refused": {"a": "b"}}',
]


class Issuer:
    """A token server: tokens T1, T2, ... that live for ``life``; queued errors come first."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.offset = WALL - clock()
        self.life = DAY
        self.asked: list[float] = []
        self.errors: list[Exception] = []
        self.meanwhile: Any = None

    def wall(self) -> float:
        return float(self.clock() + self.offset)

    def __call__(self) -> Token:
        self.asked.append(self.clock())
        if self.meanwhile is not None:
            self.meanwhile()
        if self.errors:
            raise self.errors.pop(0)
        return Token(f"T{len(self.asked)}", self.wall() + self.life)


@pytest.fixture
def issuer(clock: Any) -> Issuer:
    """A token server on the fake clock, whose wall clock can be moved by ``offset``."""
    return Issuer(clock)


def manager(store: Any, issuer: Issuer, **options: Any) -> TokenManager:
    """Return a manager on the fake clocks."""
    return TokenManager(store, SEAL, issuer, issuer.wall, store.clock.sleep, **options)


def test_a_token_is_asked_for_once(store: Any, issuer: Issuer) -> None:
    """Many calls of many managers on one key are one instrument."""
    managers = [manager(store, issuer) for _ in range(3)]
    assert [each.get() for each in managers * 3] == ["T1"] * 9
    assert len(issuer.asked) == 1


def test_a_token_is_renewed_five_minutes_early(store: Any, clock: Any, issuer: Issuer) -> None:
    """A day's token is used until 300 seconds before its end, and no longer."""
    tokens = manager(store, issuer)
    tokens.get()
    clock.advance(DAY - 300.1)
    assert (tokens.get(), manager(store, issuer).get()) == ("T1", "T1")
    clock.advance(0.1)
    assert (tokens.get(), manager(store, issuer).get()) == ("T2", "T2")


def test_a_short_token_is_used_for_nine_tenths_of_its_life(store: Any, clock: Any, issuer: Issuer) -> None:
    """A token that lives for less than the margin is not renewed over and over."""
    issuer.life = 100.0
    tokens = manager(store, issuer)
    assert [tokens.get(), tokens.get()] == ["T1", "T1"]
    clock.advance(90.0)
    assert tokens.get() == "T2"


def test_an_invalid_token_is_read_anew_before_asking(store: Any, clock: Any, issuer: Issuer) -> None:
    """When somebody else already renewed the token, the others take that one and ask nobody."""
    first, second = manager(store, issuer), manager(store, issuer)
    first.get()
    second.get()
    clock.advance(61)
    first.invalidate("T1")
    assert first.get() == "T2"
    second.invalidate("T1")
    assert second.get() == "T2"
    assert len(issuer.asked) == 2


def test_two_issues_are_a_minute_apart(store: Any, clock: Any, issuer: Issuer) -> None:
    """A token refused right after its instrument makes the next caller wait out the minute, even in another process."""
    manager(store, issuer).get()
    clock.advance(10)
    manager(store, issuer).invalidate("T1")
    assert manager(store, issuer).get() == "T2"
    assert issuer.asked[1] - issuer.asked[0] >= 60.0


def test_a_wait_beyond_patience_is_an_error_at_once(store: Any, clock: Any, issuer: Issuer) -> None:
    """Nobody sleeps for what cannot come in time; the error says when to come back."""
    tokens = manager(store, issuer, patience=20.0)
    tokens.get()
    tokens.invalidate("T1")
    clock.advance(10)
    clock.slept.clear()
    with pytest.raises(TokenUnavailableError, match="50 s") as caught:
        tokens.get()
    assert (caught.value.retry_after, clock.slept) == (50.0, [])


def test_waiting_for_a_holder_ends_with_its_token(store: Any, clock: Any, issuer: Issuer) -> None:
    """While one asks, another waits, and takes what the first one got."""
    results: list[str] = []
    waiter = manager(store, issuer)

    def finish(seconds: float) -> None:
        clock.advance(seconds)
        store.put(
            "access-token-k", token=SEAL.close("theirs"), refresh_at=issuer.wall() + 1000, stale_at=clock() + 1000
        )

    other = TokenManager(store, SEAL, issuer, issuer.wall, finish)
    issuer.meanwhile = lambda: results.append(other.get())
    assert waiter.get() == "T1"
    assert results == ["theirs"]
    assert len(issuer.asked) == 1


def test_a_holder_that_died_is_replaced(store: Any, clock: Any, issuer: Issuer) -> None:
    """A lease that nobody ends runs out, and the next caller asks once the minute is over."""
    store.put("access-token-k", holder="dead", until=clock() + 45.0, asked_at=clock())
    assert manager(store, issuer).get() == "T1"
    assert issuer.asked == [pytest.approx(160.0, abs=0.1)]


def test_waiting_for_a_holder_is_bounded(store: Any, clock: Any, issuer: Issuer) -> None:
    """Somebody who asks for too long is not waited for beyond patience."""
    store.put("access-token-k", holder="slow", until=clock() + 45.0, asked_at=clock())
    with pytest.raises(TokenUnavailableError):
        manager(store, issuer, patience=5.0).get()
    assert clock() == pytest.approx(105.0, abs=0.1)
    assert issuer.asked == []


def test_a_server_that_issued_to_somebody_else_is_asked_a_minute_later(store: Any, issuer: Issuer) -> None:
    """EGW00133: the minute's token went to somebody outside this store."""
    issuer.errors = [TokenUnavailableError("EGW00133")]
    assert manager(store, issuer).get() == "T2"
    assert issuer.asked[1] - issuer.asked[0] >= 60.0


def test_a_token_that_went_to_a_stranger_is_said_once(store: Any, issuer: Issuer, caplog: Any) -> None:
    """Nobody who shares this state asked within the minute, so somebody else uses the key."""
    issuer.errors = [TokenUnavailableError("EGW00133"), TokenUnavailableError("EGW00133")]
    manager(store, issuer, patience=130.0).get()
    (said,) = caplog.messages
    assert "processes with another COORDINATION_URL, use the key too" in said


@pytest.mark.parametrize("error", [RequestTimeoutError("late"), TokenUnavailableError("EGW00133")])
def test_the_minute_counts_from_the_servers_answer(store: Any, clock: Any, issuer: Issuer, error: Exception) -> None:
    """The request, or the store before it, may have stood still for long since the turn was taken."""
    issuer.errors = [error]
    answered: list[float] = []

    def stand_still() -> None:
        clock.advance(0.0 if answered else 20.0)
        answered.append(clock())

    issuer.meanwhile = stand_still
    with suppress(RequestTimeoutError):
        manager(store, issuer, patience=200.0).get()
    assert manager(store, issuer, patience=200.0).get() == "T2"
    assert issuer.asked[1] - answered[0] >= 60.0


@pytest.mark.parametrize("error", [ConnectionFailedError("refused"), ConfigurationError("not trusted")])
def test_a_call_that_never_arrived_does_not_cost_the_minute(store: Any, issuer: Issuer, error: Exception) -> None:
    """After a failed connection, or a certificate that is not trusted, the next caller asks at once."""
    issuer.errors = [error]
    with pytest.raises(type(error)):
        manager(store, issuer).get()
    assert manager(store, issuer).get() == "T2"
    assert issuer.asked[1] == issuer.asked[0]


def test_a_call_whose_answer_was_lost_costs_the_minute(store: Any, issuer: Issuer) -> None:
    """After a timeout a token may have been issued, so the next instrument waits."""
    issuer.errors = [RequestTimeoutError("30 s")]
    with pytest.raises(RequestTimeoutError):
        manager(store, issuer).get()
    assert manager(store, issuer).get() == "T2"
    assert issuer.asked[1] - issuer.asked[0] >= 60.0


def test_a_refused_key_is_not_tried_by_everybody(store: Any, clock: Any, issuer: Issuer) -> None:
    """A wrong secret fails at once for all who have it, with one call, and may be tried again after two minutes."""
    issuer.errors = [AuthenticationError("EGW00105")]
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            manager(store, issuer).get()
    clock.advance(61)  # this turn is left to others, who may have the right secret
    with pytest.raises(AuthenticationError):
        manager(store, issuer).get()
    assert len(issuer.asked) == 1
    clock.advance(59)
    assert manager(store, issuer).get() == "T2"


def test_a_corrected_secret_has_the_next_turn(store: Any, issuer: Issuer) -> None:
    """A refusal is remembered for the secret that was refused, so another one is asked for a minute later."""
    issuer.errors = [AuthenticationError("EGW00105")]
    with pytest.raises(AuthenticationError):
        manager(store, issuer).get()
    with pytest.raises(AuthenticationError, match="corrected secret"):
        manager(store, issuer).get()
    corrected = TokenManager(store, TokenSeal("k", "corrected"), issuer, issuer.wall, store.clock.sleep)
    assert corrected.get() == "T2"
    assert issuer.asked[1] - issuer.asked[0] == pytest.approx(60.0, abs=0.1)


def test_a_token_under_another_secret_stays_until_a_new_one_is_issued(store: Any, clock: Any, issuer: Issuer) -> None:
    """Who cannot open it waits and says when to come back; neither that nor a failed request takes it away."""
    manager(store, issuer).get()
    other = TokenManager(store, TokenSeal("k", "other"), issuer, issuer.wall, store.clock.sleep, patience=20.0)
    with pytest.raises(TokenUnavailableError) as caught:
        other.get()
    other.invalidate("T1")
    assert caught.value.retry_after == 60.0
    clock.advance(60)
    issuer.errors = [RequestTimeoutError("30 s")]
    with pytest.raises(RequestTimeoutError):
        other.get()
    assert manager(store, issuer).get() == "T1"
    clock.advance(60)
    assert (other.get(), len(issuer.asked)) == ("T3", 3)


def test_a_failing_store_costs_the_minute(store: Any, issuer: Issuer) -> None:
    """Nobody knows whether the server was asked before the shared state failed, so it is not asked again at once."""
    issuer.errors = [CoordinationError("gone")]
    with pytest.raises(CoordinationError):
        manager(store, issuer).get()
    assert manager(store, issuer).get() == "T2"
    assert issuer.asked[1] - issuer.asked[0] >= 60.0


def test_an_expired_token_is_never_handed_out(store: Any, issuer: Issuer) -> None:
    """A server that issues a token of the past gives a typed error."""
    issuer.life = -1.0
    with pytest.raises(TokenUnavailableError, match="expired already"):
        manager(store, issuer).get()


@pytest.mark.parametrize("jump", [-3600.0, 3600.0, -10 * DAY, 10 * DAY])
def test_a_jump_of_the_wall_clock_never_prolongs_a_token(store: Any, clock: Any, issuer: Issuer, jump: float) -> None:
    """Whichever way the wall clock jumps, a token is not used past its real end."""
    tokens = manager(store, issuer)
    tokens.get()
    issuer.offset += jump
    clock.advance(DAY - 300)
    assert tokens.get() != "T1"
    assert manager(store, issuer).get() != "T1"


def test_times_from_before_a_restart_hold_nobody_up(store: Any, clock: Any, issuer: Issuer) -> None:
    """The store's clock restarted: an old lease, an old instrument and an old refusal lie ahead and mean nothing."""
    store.put("access-token-k", holder="old", until=9e5, asked_at=9e5, refused={SEAL.fingerprint: 9e5})
    assert manager(store, issuer).get() == "T1"
    assert clock() == 100.0


def test_invalidating_an_older_token_keeps_the_newer_one(store: Any, issuer: Issuer) -> None:
    """Only the token that was refused is dropped."""
    tokens = manager(store, issuer)
    tokens.get()
    tokens.invalidate("T0")
    assert (tokens.get(), len(issuer.asked)) == ("T1", 1)


def test_a_late_holder_still_shares_its_token(store: Any, clock: Any, issuer: Issuer) -> None:
    """A token that came after the lease had ended is a token all the same."""
    issuer.meanwhile = lambda: clock.advance(50)
    assert manager(store, issuer).get() == "T1"
    assert manager(store, issuer).get() == "T1"


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_state_is_a_typed_error_without_its_content(store: Any, issuer: Issuer, text: str) -> None:
    """A state that cannot be is a coordination error."""
    store.texts["access-token-k"] = text
    with pytest.raises(CoordinationError, match="memory:access-token-k"):
        manager(store, issuer).get()


def test_a_token_hides_its_value() -> None:
    """The value is not in the representation, nor is the secret in the seal's."""
    assert "hunter2" not in repr(Token("hunter2", 1.0)) + repr(TokenSeal("k", "hunter2"))


def test_a_seal_is_the_same_everywhere_and_differs_by_secret_and_name() -> None:
    """Who has the secret opens what any other process sealed under that name, and nobody else does."""
    sealed = TokenSeal("k", "secret").close("v")
    assert TokenSeal("k", "secret").open(sealed) == "v"
    assert (TokenSeal("k", "other").open(sealed), TokenSeal("k2", "secret").open(sealed)) == (None, None)
    assert TokenSeal("k", "secret").open("no seal") is None
    assert TokenSeal("k", "secret").fingerprint != TokenSeal("k", "other").fingerprint


@pytest.mark.parametrize(("value", "expires_at"), [("", 1.0), ("v", math.nan), ("v", math.inf)])
def test_a_token_without_value_or_end_is_refused(value: str, expires_at: float) -> None:
    """A token is only made of both."""
    with pytest.raises(ValueError, match="a token needs"):
        Token(value, expires_at)


def test_a_turn_whose_answer_was_lost_is_still_taken(store: Any, issuer: Issuer) -> None:
    """A store may apply a change twice when an answer is lost; the caller still asks, once and at once."""
    store.twice = True
    assert manager(store, issuer).get() == "T1"
    assert len(issuer.asked) == 1
