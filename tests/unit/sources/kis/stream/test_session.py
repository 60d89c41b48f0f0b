"""One session: what is asked of the server, and what its answers and its silence mean."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from data_pipeline.exceptions import AuthenticationError, ConnectionFailedError, KeyInUseError, UnsupportedDatasetError
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.stream_records import StreamKind, Subscription, Trade
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.live import PACE_S
from data_pipeline.sources.kis.parse_live import records_of
from data_pipeline.sources.kis.stream.session import Session
from data_pipeline.sources.registrations import Registrations
from tests.support.live import Clock
from tests.support.live_wire import SUCCESS, FakeWire, answer

SAMPLES = Path("tests/samples/kis/stream")
CODES = [f"{number:06d}" for number in range(1, 42)]
GONE = ("0", "OPSP0001", "UNSUBSCRIBE SUCCESS")
FULL = ("1", "OPSP0008", "MAX SUBSCRIBE OVER")


def trades(*codes: str) -> list[Subscription]:
    """Subscriptions to trades of KRX."""
    return [Subscription(StreamKind.TRADE, Venue.KRX, code) for code in codes]


@pytest.fixture
def clock():
    """Time that only waiting moves."""
    return Clock()


@pytest.fixture
def make(clock):
    """Make a session over a wire that follows a rule."""

    def make(rule=lambda *_: SUCCESS, *, virtual=False, limit=41):
        wire = FakeWire(clock, rule)
        registrations = Registrations(limit, PACE_S[virtual])
        made = Session(wire, "approval", registrations, records_of, clock.monotonic, clock.market, virtual=virtual)
        return made, wire

    return make


def listen(session, clock, seconds):
    """Listen for so long, and return all that came."""
    until, came = clock.seconds + seconds, []
    while clock.seconds < until:
        came += session.listen(0.05)
    return came


def test_each_registration_is_one_message_in_order_of_importance(make, clock):
    """The documented message, one after the other, with a pause between them."""
    session, wire = make()
    session.want(trades("005930", "000660", "500001"))
    listen(session, clock, 1)
    assert wire.sent == [("1", "H0STCNT0", "005930"), ("1", "H0STCNT0", "000660"), ("1", "H0STCNT0", "Q500001")]
    assert min(after - before for before, after in zip(wire.times, wire.times[1:], strict=False)) >= 0.05
    assert session.registrations.registered == set(trades("005930", "000660", "500001"))


def test_the_virtual_server_is_asked_ten_times_more_slowly(make, clock):
    """KIS's own example waits half a second there."""
    session, wire = make(virtual=True)
    session.want(trades("005930", "000660"))
    listen(session, clock, 2)
    assert wire.times[1] - wire.times[0] >= 0.5


@pytest.mark.parametrize(
    "one",
    [
        Subscription(StreamKind.TRADE, Venue.NXT, "005930"),
        Subscription(StreamKind.BOOK, Venue.UNIFIED, "005930"),
        Subscription(StreamKind.OPERATION, Venue.KRX, "005930"),
        Subscription(StreamKind.EXPECTED, Venue.KRX, "005930"),
    ],
)
def test_what_the_virtual_server_lacks_is_refused_before_anything_is_sent(make, clock, one):
    """Only trades and books of KRX are there."""
    session, wire = make(virtual=True)
    with pytest.raises(UnsupportedDatasetError, match="trades and order books of KRX only"):
        session.want([one])
    assert wire.sent == []


@pytest.mark.parametrize("refused", range(1, 42))
def test_the_limit_is_learned_from_the_refusal(make, clock, refused):
    """Refused at the n-th registration, the key takes n - 1, nothing more is asked and the line stays."""
    session, wire = make(lambda number, *_: SUCCESS if number < refused else FULL)
    session.want(trades(*CODES))
    listen(session, clock, 30)
    found = session.registrations
    assert (found.limit, len(found.registered), len(wire.sent)) == (refused - 1, refused - 1, refused)


def test_the_limit_of_the_settings_is_never_exceeded(make, clock):
    """42 wishes and 41 places: the least important one is not even asked for."""
    session, wire = make()
    session.want(trades(*CODES, "999999"))
    listen(session, clock, 10)
    assert len(wire.sent) == 41


def test_what_goes_makes_room_before_what_comes(make, clock):
    """A change of the set unregisters first, waits for the answer, and stays on the same line."""
    session, wire = make(lambda _, kind, *__: SUCCESS if kind == "1" else GONE, limit=2)
    session.want(trades("000001", "000002"))
    listen(session, clock, 1)
    session.want(trades("000002", "000003"))
    listen(session, clock, 1)
    assert wire.sent[2:] == [("2", "H0STCNT0", "000001"), ("1", "H0STCNT0", "000003")]


def test_a_place_is_free_when_the_server_says_so(make, clock):
    """Until the answer to its unregistration a registration keeps its place."""
    answers = {"2": None}
    session, wire = make(lambda _, kind, *__: answers.get(kind, SUCCESS), limit=2)
    session.want(trades("000001", "000002"))
    listen(session, clock, 1)
    session.want(trades("000002", "000003"))
    listen(session, clock, 5)
    assert [kind for kind, *_ in wire.sent] == ["1", "1", "2"]
    wire.texts.append(answer("H0STCNT0", "000001", "0", "OPSP0001", "UNSUBSCRIBE SUCCESS"))
    listen(session, clock, 1)
    assert wire.sent[-1] == ("1", "H0STCNT0", "000003")
    assert session.registrations.registered == set(trades("000002", "000003"))


def test_already_registered_is_registered(make, clock):
    """OPSP0002 is never answered with another registration."""
    session, wire = make(lambda *_: ("1", "OPSP0002", "ALREADY IN SUBSCRIBE"))
    session.want(trades("005930"))
    listen(session, clock, 1000)
    assert (len(wire.sent), session.registrations.registered) == (1, set(trades("005930")))


@pytest.mark.parametrize("code", ["OPSP0007", "OPSP0009", "OPSP8999", "OPSP9993", "OPSP9995"])
def test_a_failure_in_passing_is_tried_again_with_longer_and_longer_pauses(make, clock, code):
    """Ten seconds, then twice as long, up to five minutes."""
    session, wire = make(lambda *_: ("1", code, "mci send failed"))
    session.want(trades("005930"))
    listen(session, clock, 200)
    assert [round(after - before) for before, after in zip(wire.times, wire.times[1:], strict=False)] == [
        10,
        20,
        40,
        80,
    ]
    assert session.registrations.failed == {}


@pytest.mark.thorough
@pytest.mark.parametrize("code", ["OPSP8991", "OPSP8992", "OPSP8993", "OPSP8997", "OPSP9990", "OPSP9999", "OPSP4711"])
def test_what_is_our_fault_is_not_tried_again(make, clock, code):
    """The registration fails with what the server said, and the others go on."""
    session, wire = make(lambda _, __, ___, tr_key: ("1", code, "wrong") if tr_key == "000001" else SUCCESS)
    session.want(trades("000001", "000002"))
    listen(session, clock, 1000)
    assert session.registrations.failed == {trades("000001")[0]: f"{code} wrong"}
    assert (session.registrations.registered, len(wire.sent)) == (set(trades("000002")), 2)


@pytest.mark.parametrize("code", ["OPSP0010", "OPSP0011", "OPSP9994"])
def test_a_refused_approval_key_ends_the_session(make, clock, code):
    """Whoever opened it gets another key; this session has none."""
    session, _ = make(lambda *_: ("1", code, "invalid approval : NOT FOUND"))
    session.want(trades("005930"))
    with pytest.raises(AuthenticationError, match=code):
        listen(session, clock, 1)


def test_an_approval_key_that_expired_in_silence_is_noticed(make, clock):
    """When no registration is answered in three tries of ten seconds, the key is mistrusted and the session over."""
    session, wire = make(lambda *_: None)
    session.want(trades("005930"))
    with pytest.raises(ConnectionFailedError, match="expired"):
        listen(session, clock, 40)
    assert session.mistrusted
    assert len(wire.sent) == 3


def test_a_key_in_use_ends_the_session(make, clock):
    """The refusal names no feed and no code."""
    session, wire = make()
    wire.texts.append(answer("(null)", "", "9", "OPSP8996", "ALREADY IN USE appkey"))
    with pytest.raises(KeyInUseError, match="OPSP8996"):
        listen(session, clock, 1)


def test_data_makes_up_for_an_answer_that_was_lost(make, clock):
    """What comes of a pair says that it is registered."""
    session, wire = make(lambda *_: None)
    session.want(trades("005930"))
    listen(session, clock, 0.2)
    wire.texts.append((SAMPLES / "h0stcnt0.txt").read_text("utf-8").strip())
    clock.seconds += 3600
    listen(session, clock, 100)
    assert session.registrations.registered == set(trades("005930"))
    assert len(wire.sent) <= 2


def test_one_answer_that_never_comes_is_asked_for_three_times_and_then_in_five_minutes(make, clock):
    """The others are answered, so that the approval key is not at fault."""
    session, wire = make(lambda _, __, ___, tr_key: None if tr_key == "000001" else SUCCESS)
    session.want(trades("000001", "000002"))
    listen(session, clock, 320)
    assert [tr_key for *_, tr_key in wire.sent].count("000001") == 3
    listen(session, clock, 30)
    assert [tr_key for *_, tr_key in wire.sent].count("000001") > 3


def test_a_registration_that_the_server_takes_back_is_tried_again_later(make, clock):
    """SUCCESS and, a second later, UNSUBSCRIBE SUCCESS that nobody asked for: not at once again."""
    session, wire = make()
    session.want(trades("005930"))
    listen(session, clock, 1)
    wire.texts.append(answer("H0STCNT0", "005930", "0", "OPSP0001", "UNSUBSCRIBE SUCCESS"))
    listen(session, clock, 5)
    assert session.registrations.registered == set()
    listen(session, clock, 10)
    assert session.registrations.registered == set(trades("005930"))
    assert len(wire.sent) == 2


def test_a_heartbeat_gets_a_pong_with_its_whole_text_and_counts_as_life(make, clock):
    """And nothing else is ever answered with one."""
    session, wire = make()
    session.want(trades("005930"))
    beat = '{"header":{"tr_id":"PINGPONG","datetime":"20261123093015"}}'
    listen(session, clock, 20)
    wire.texts.append(beat)
    before = clock.seconds
    session.listen(0.05)
    assert wire.pongs == [beat]
    assert session.heard_at >= before


def test_every_record_of_a_frame_is_returned_and_what_cannot_be_is_set_aside(make, clock):
    """Two trades come of a frame of two, and one that is spoilt takes its neighbour nowhere."""
    session, wire = make()
    clock.seconds += 3600
    text = (SAMPLES / "h0stcnt0.txt").read_text("utf-8").strip()
    wire.texts.append(text)
    assert [type(record) for record in session.listen(0)] == [Trade, Trade]
    wire.texts.append(text.replace("^71900^2^8305218^", "^71900^(null)^8305218^"))
    refused, kept = session.listen(0)
    assert isinstance(refused, Rejection)
    assert (refused.stock_code, refused.origin, kept.volume) == ("005930", "KIS H0STCNT0", 75)


@pytest.mark.parametrize(
    "text", ["0|H0STCNT0|002|005930^1", "1|H0STCNI0|001|c2VjcmV0", "0|H0STCNT0|001|" + "9^" * 4_000_000, "\x00", "{}"]
)
def test_a_text_that_is_nothing_leaves_the_line_open(make, clock, caplog, text):
    """It is named, set aside in part, and the next one is read."""
    session, wire = make()
    session.want(trades("005930"))
    listen(session, clock, 1)
    wire.texts.append(text)
    with caplog.at_level(logging.ERROR):
        (refused,) = session.listen(0)
    assert isinstance(refused, Rejection)
    assert len(refused.payload["text"]) <= 2000
    assert len(caplog.records) == 1
    assert session.listen(0) == []


def test_a_feed_that_is_spoilt_throughout_fills_no_log(make, clock, caplog):
    """A hundred cut frames a minute are one line a minute, and each of them is set aside."""
    session, wire = make()
    with caplog.at_level(logging.ERROR):
        for _ in range(300):
            wire.texts.append("0|H0STCNT0|002|005930^1")
            assert len(session.listen(0.59)) == 1
            clock.wait(0.59)
    assert len(caplog.records) == 3


def test_a_width_that_is_new_is_told_once(make, clock, caplog):
    """Records that grew are read, and the whole record stands in the log the first time."""
    session, wire = make()
    clock.seconds += 3600
    text = (SAMPLES / "official-h0stcnt0-46.txt").read_text("utf-8").strip()
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            wire.texts.append(f"{text}^2^NEW")
            assert [type(record) for record in session.listen(0)] == [Trade]
    assert [record.getMessage().count("NEW") for record in caplog.records] == [1]


def test_nothing_shows_the_approval_key(make):
    """The session's own text has everything but it."""
    session, _ = make()
    assert "approval" not in repr(session).replace("approval_key", "")
