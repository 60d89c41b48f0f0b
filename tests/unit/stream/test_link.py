"""The line of one key, over hours of bad networks in milliseconds."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from data_pipeline.exceptions import AuthenticationError, ConnectionFailedError, LineStoppedError
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.stream_records import GapCause, StreamGap
from tests.support.live import Clock, MemoryStore, trade
from tests.support.live_vendor import Process, Server

HOUR = 3600.0


@pytest.fixture
def clock():
    """Time that only waiting moves."""
    return Clock()


@pytest.fixture
def store(clock):
    """One store for every process."""
    return MemoryStore(clock)


def run(process, until):
    """Run until then, or until the line is stopped; tell whether it was."""
    try:
        process.run(until)
    except LineStoppedError:
        return True
    return False


def flapping(seed):
    """A network that is good, drops everything after seconds, or is away, in turns that the seed draws."""
    draw = random.Random(seed)
    spells, at = [], 0.0
    while at < 6 * HOUR:
        spells.append((at, draw.choice(["good", "flapping", "refusing", "away", "edge"])))
        at += draw.expovariate(1 / 600)

    def weather(now):
        kind = next(kind for begins, kind in reversed(spells) if begins <= now - 1000.0)
        if kind == "away":
            return None
        lives = {"good": (200, 4000), "flapping": (0.1, 20), "refusing": (0, 0), "edge": (55, 65)}[kind]
        return draw.uniform(*lives)

    return weather


def survives(seed):
    """Run two hours on a flapping network with two processes, one of which is killed now and then."""
    clock = Clock()
    store, server = MemoryStore(clock), Server(clock, flapping(seed), lingers=30.0)
    draw = random.Random(seed + 1)
    process = Process(server, store, clock, seed)
    stopped = False
    while clock.seconds < 2 * HOUR and not stopped:
        stopped = run(process, clock.seconds + draw.uniform(60, 1800))
        if not stopped and draw.random() < 0.3:  # killed: nothing is closed or said
            if (session := process.link.session) is not None:
                server.ended(session)
            process = Process(server, store, clock, seed)
    return server


@pytest.mark.parametrize("seed", range(6))
def test_no_network_gets_the_key_banned(seed):
    """However it flaps, no connect comes within ten seconds of a short session, nor after ten of them."""
    server = survives(seed)
    assert server.banned == []
    assert len(server.attempts) > 1


@pytest.mark.slow
def test_no_network_of_a_thousand_gets_the_key_banned():
    """The same for a thousand seeds."""
    assert [(seed, banned) for seed in range(1000) if (banned := survives(seed).banned)] == []


def test_the_model_of_the_ban_bans(clock):
    """Who connects again at once is banned by it, so that the tests above mean something."""
    server = Server(clock, lambda _: 1.0)
    for _ in range(2):
        server.connect().close()
    assert len(server.banned) == 1


def test_a_session_of_a_minute_is_opened_again_at_once(clock, store):
    """A line that is dropped every two minutes is back within a second."""
    server = Server(clock, lambda _: 120.0)
    Process(server, store, clock).run(HOUR)
    ends = [end for _, end in server.sessions]
    begins = [began for began, _ in server.sessions[1:]]
    assert len(ends) >= 20
    assert max(began - end for end, began in zip(ends, begins, strict=False)) <= 1.0


def test_ten_short_sessions_stop_the_line(clock, store):
    """Dropped after a second each time, it is stopped after the tenth, and a new process stays stopped."""
    server = Server(clock, lambda _: 1.0)
    process = Process(server, store, clock)
    assert run(process, 10 * HOUR)
    assert len(server.attempts) == 10
    process.stop()
    assert run(Process(server, store, clock), clock.seconds + HOUR)
    assert len(server.attempts) == 10
    assert server.banned == []


@pytest.mark.parametrize("seed", range(50))
def test_a_deployment_of_two_instances_never_uses_the_key_twice(seed):
    """The new instance takes over within three seconds; ten later where the old one had its line for under a minute."""
    clock = Clock()
    store, server = MemoryStore(clock), Server(clock, lambda _: 1e9)
    draw = random.Random(seed)
    old = Process(server, store, clock, seed)
    old.run(clock.seconds + draw.uniform(30, 300))
    assert server.open is not None
    new = Process(server, store, clock, seed + 1)
    overlap = clock.seconds + draw.uniform(0.1, 60)
    while clock.seconds < overlap:
        old.step()
        new.step()
    old.stop()
    ((began, ended),) = server.sessions
    waits = 0.0 if ended - began >= 61 else 12.5 + 3
    while server.open is None:
        new.step()
        assert clock.seconds <= ended + 3.0 + waits
    assert (server.refused_in_use, server.banned) == (0, [])


def test_after_a_crash_the_other_instance_waits_for_the_lease_alone(clock, store):
    """Where the server frees the session of a dead process, it is taken over within the lease and three seconds."""
    server = Server(clock, lambda _: 1e9)
    old, new = Process(server, store, clock), Process(server, store, clock)
    old.run(clock.seconds + 100)
    new.step()
    server.ended(old.link.session)
    died = clock.seconds
    while server.open is None:
        new.step()
    assert clock.seconds <= died + 15 + 3
    assert server.refused_in_use == 0


def test_a_process_that_was_stopped_closes_its_line_before_it_reads_another_text(clock, store):
    """After a minute asleep it finds its lease over, and does nothing with the line but end it."""
    server = Server(clock, lambda _: 1e9)
    process = Process(server, store, clock)
    process.run(clock.seconds + 100)
    session = process.link.session
    session.listen = lambda _: pytest.fail("it listened")
    clock.wait(60)
    process.link.step()
    assert session.over
    assert process.link.session is None


def test_a_key_that_somebody_else_uses_is_asked_for_ever_more_seldom(clock, store):
    """At least a minute, then twice as long; no new approval key, for that frees nothing."""
    server = Server(clock, lambda _: 1e9)
    server.connect()  # somebody else
    process = Process(server, store, clock)
    process.run(clock.seconds + 1000)
    waits = [after - before for before, after in zip(server.attempts[1:], server.attempts[2:], strict=False)]
    assert all(least <= wait <= 1.25 * least + 6 for least, wait in zip((60, 120, 240), waits, strict=True))
    assert server.banned == []


def test_with_the_store_away_the_line_stays_and_no_other_opens(clock, store):
    """Five minutes without shared state cost nothing, and a process that starts then waits."""
    server = Server(clock, lambda _: 1e9)
    old, new = Process(server, store, clock), Process(server, store, clock)
    old.run(clock.seconds + 100)
    store.away = True
    until = clock.seconds + 300
    while clock.seconds < until:
        old.step()
        new.step()
    assert (len(server.attempts), old.link.state, new.link.state) == (1, "up", "the shared state is away")
    store.away = False
    until = clock.seconds + 60
    while clock.seconds < until:
        old.step()
        new.step()
    assert (len(server.attempts), new.link.state) == (1, "standby")


def test_nothing_connects_while_the_warehouse_is_away(clock, store):
    """A line whose rows nobody takes is not opened."""
    server = Server(clock, lambda _: 1e9)
    process = Process(server, store, clock)
    process.sink.away = True
    process.writer.put([trade(10)])
    clock.wait(1)
    process.writer.step()
    process.run(clock.seconds + 60)
    assert server.attempts == []
    process.sink.away = False
    clock.wait(10)
    process.writer.step()
    process.run(clock.seconds + 5)
    assert len(server.attempts) == 1


class Spoken(Server):
    """A server whose only session says what a test gives it."""

    def script(self, *answers):
        self.answers = list(answers)

    def connect(self):
        session = super().connect()
        listen = session.listen

        def speak(seconds):
            if self.answers:
                said = self.answers.pop(0)
                if isinstance(said, Exception):
                    raise said
                return said
            return listen(seconds)

        session.listen = speak
        return session


def until_up(process):
    """Run until the line is open."""
    while process.link.session is None:
        process.step()


def test_what_comes_is_written_with_the_gap_before_it(clock, store):
    """A gap comes before its trade, a repeat brings nothing, and what goes back is left to whoever writes it."""
    server = Spoken(clock, lambda _: 1e9)
    server.script([trade(10), trade(70)], [trade(70)], [trade(60, price=7)], [trade(75, 20)])
    process = Process(server, store, clock)
    until_up(process)
    for _ in range(6):
        process.step()
    clock.wait(1)
    process.writer.step()
    (batch,) = process.sink.batches
    assert [one.cumulative_volume for one in batch.trades] == [10, 70, 60]
    assert [(gap.cause, gap.missed_volume) for gap in batch.gaps] == [(GapCause.JUMP, 50)]
    assert [type(one) for one in batch.refused] == [Rejection]
    assert "stood at 70" in batch.refused[0].reason


def test_a_reconnect_is_a_gap_of_the_next_trade(clock, store):
    """Every code of a line that was down gets one."""
    server = Spoken(clock, lambda _: 100.0)
    server.script([trade(10)])
    process = Process(server, store, clock)
    process.run(clock.seconds + 130)
    server.script([trade(20)])
    process.run(clock.seconds + 5)
    clock.wait(1)
    process.writer.step()
    gaps = [gap for batch in process.sink.batches for gap in batch.gaps]
    assert [(type(gap), gap.cause, gap.missed_volume) for gap in gaps] == [(StreamGap, GapCause.RECONNECT, 0)]


def test_a_refused_approval_key_is_forgotten_and_ends_the_line_when_it_was_before(clock, store):
    """The first time another key is asked for; when that is refused as well, somebody has to look."""
    refused = AuthenticationError("OPSP0011")
    server = Spoken(clock, lambda _: 1e9)
    server.script(refused)
    process = Process(server, store, clock)
    renewed = [True, False]
    process.link.key.renew = lambda: renewed.pop(0)
    until_up(process)
    process.step()
    server.script(refused)
    with pytest.raises(AuthenticationError):
        process.run(clock.seconds + 60)
    assert (renewed, len(server.attempts)) == ([], 2)


def test_an_approval_key_that_nobody_answers_is_forgotten_and_never_ends_the_line(clock, store):
    """The next session has another key; when that is not answered either, the server is at fault."""
    server = Spoken(clock, lambda _: 1e9)
    server.script()
    process = Process(server, store, clock)
    renewed = [True, False, False]
    process.link.key.renew = lambda: renewed.pop(0)
    for _ in range(3):
        until_up(process)
        process.link.session.mistrusted = True
        server.script(ConnectionFailedError("no registration was answered"))
        process.step()
    assert renewed == []
    assert process.link.session is None


def test_a_silent_line_is_given_up_within_thirty_seconds_of_a_session_and_never_outside(clock, store):
    """Before the open it may be silent for as long as it likes; half a minute after the open it is dead."""
    server = Spoken(clock, lambda _: 1e9)
    server.script()
    process = Process(server, store, clock)
    is_open = []
    process.link.in_session = lambda: bool(is_open)
    until_up(process)
    session = process.link.session
    heard = session.heard_at
    session.listen = lambda _: clock.wait(0.5) or []
    process.run(clock.seconds + 3000)
    assert process.link.session is session
    assert session.heard_at == heard
    is_open.append(True)
    opened = clock.seconds
    while process.link.session is session:
        process.step()
    assert 30 <= clock.seconds - opened <= 31.5


def test_the_calendar_is_asked_only_while_nothing_comes(clock, store):
    """Thousands of texts a second would ask it as often."""
    server = Spoken(clock, lambda _: 1e9)
    process = Process(server, store, clock)
    asked = []
    process.link.in_session = lambda: bool(asked.append(clock.seconds))
    server.script([trade(10)], [trade(20)], [])
    until_up(process)
    asked.clear()
    process.step()
    process.step()
    assert asked == []
    process.step()
    assert len(asked) == 1


def test_a_full_queue_stops_the_reading_and_loses_nothing(clock, store):
    """The line is not listened to until there is room, and that silence is nobody's fault."""
    server = Spoken(clock, lambda _: 1e9)
    process = Process(server, store, clock)
    process.link.in_session = lambda: True
    process.writer._room = 3
    server.script([trade(10), trade(20)], [trade(30)], [trade(40)], [trade(50)])
    until_up(process)
    for _ in range(3):
        process.step()
    asked = len(server.answers)
    process.run(clock.seconds + 100)
    assert len(server.answers) == asked
    assert process.link.session is not None
    for _ in range(20):
        process.writer.step(gather=False)
        process.step()
    assert [one.cumulative_volume for one in process.sink.trades] == [10, 20, 30, 40, 50]


class Flow(Server):
    """A server on which a trade of ten shares happens every second; it hangs up on who does not read for a minute."""

    def connect(self):
        session = super().connect()
        heard = [self.clock.seconds]

        def listen(_):
            before, now = heard[0], self.clock.wait(1.0) or self.clock.seconds
            heard[0] = now
            if now - before > 60.0:
                self.ended(session)
                raise ConnectionFailedError("it read nothing for a minute")
            return [self.trade(second) for second in range(int(before) + 1, int(now) + 1)]

        session.listen = listen
        return session

    @staticmethod
    def trade(second):
        return trade(10 * (second - 999), second=second - 1000)


@pytest.mark.parametrize("trouble", ["away for 5 minutes", "slow for 60 s"])
def test_a_warehouse_in_trouble_costs_no_memory_and_no_unnamed_share(clock, store, trouble):
    """As many records wait as there is room for, and what was stored and what is named are all that happened."""
    room = 50
    server = Flow(clock, lambda _: 1e9)
    process = Process(server, store, clock)
    process.writer._room = room
    most, stored = 0, process.sink.store

    def until(seconds):
        nonlocal most
        while clock.seconds < seconds:
            process.step()
            process.writer.step(gather=False)
            most = max(most, process.writer.waiting)

    until(1100)
    if trouble == "slow for 60 s":
        process.sink.store = lambda batch: clock.wait(60.0) or stored(batch)
        until(1101)
        process.sink.store = stored
    else:
        process.sink.away = True
        until(1400)
        process.sink.away = False
    until(1700)
    gaps = [gap for batch in process.sink.batches for gap in batch.gaps]
    got = sum(one.volume for one in process.sink.trades)
    assert got + sum(gap.missed_volume for gap in gaps) == process.sink.trades[-1].cumulative_volume
    assert len({one.cumulative_volume for one in process.sink.trades}) == len(process.sink.trades)
    assert process.sink.trades[-1].traded_at >= clock.market() - timedelta(seconds=3)
    assert most <= room + 62
    assert sum(gap.missed_volume for gap in gaps) <= 10 * 320
    assert server.banned == []
