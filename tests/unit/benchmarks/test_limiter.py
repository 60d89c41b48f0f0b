"""The limiter benchmark's figures, from logs written by hand, and its meter among threads."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from benchmarks import _limiter_figures as figures
from benchmarks._limiter_cases import CASES
from benchmarks._limiter_peers import Meter, TokenBucket
from benchmarks._limiter_run import shortened


def call(arrived: float, *, accepted: bool = True, tr_id: str = "FHKST01010100", milliseconds: float = 5.0) -> dict:
    """Return a log entry of one call."""
    return {
        "arrived": arrived,
        "accepted": accepted,
        "tr_id": tr_id,
        "milliseconds": milliseconds,
        "path": "/quotations/inquire-price" if tr_id else "/oauth2/tokenP",
        "status": 200,
    }


def report(**changes: object) -> dict:
    """Return what a worker reports, with these changes."""
    plain = {
        "served": 10,
        "requests": 10,
        "sends": 10,
        "errors": {},
        "max_wait_s": 0.5,
        "limiter_cpu_s": 0.004,
        "client_cpu_s": 0.04,
        "last_served": 102.5,
        "opened_at": 0.0,
        "sends_when_open": 0,
    }
    return {**plain, **changes}


def test_the_interval_begins_with_a_whole_second_after_the_first_full_one() -> None:
    """A run that starts in the middle of second 100 is measured from 102 on, one that starts with it from 101 on."""
    assert figures.measured(100.5, 60) == figures.Interval(102.0, 162.0)
    assert figures.measured(100.0, 5) == figures.Interval(101.0, 106.0)


def test_accepted_calls_inside_the_interval_are_the_budget_used() -> None:
    """Three accepted calls of the four that two seconds at 2/s allow are 0.75; its end and rejections do not count."""
    log = [call(9.9), call(10.0), call(10.5), call(11.0, accepted=False), call(11.9), call(12.0)]
    assert figures.budget_used(log, figures.Interval(10.0, 12.0), 2) == 0.75


def test_rejections_are_counted_and_shared() -> None:
    """One rejected call of four is a count of 1 and a share of 0.25; no call at all is a share of 0."""
    log = [call(1), call(2, accepted=False), call(3), call(4)]
    assert figures.rejected(log) == {"rejected": 1, "rejected_share": 0.25}
    assert figures.rejected([]) == {"rejected": 0, "rejected_share": 0.0}


def test_only_quotations_since_the_start_count() -> None:
    """Tokens and calls of the warm-up are left out, and the rest is put in order."""
    log = [call(5), call(12), call(11, tr_id=""), call(10)]
    assert [one["arrived"] for one in figures.quotations(log, 10)] == [10, 12]


def test_recovery_is_the_end_of_the_first_ten_good_seconds() -> None:
    """At a quota of 1/s, ten calls that begin three seconds after the restore are full use thirteen seconds after."""
    log = [call(103.0 + number) for number in range(30)]
    assert figures.recovered_after(log, 100.0, 133.0, 1) == 13.0
    assert figures.recovered_after(log[:5], 100.0, 133.0, 1) is None


def test_calls_in_flight_are_counted_while_the_server_has_them() -> None:
    """A call that arrives as another one leaves makes one in flight; one that arrives 1 ms earlier makes two."""
    assert figures.most_in_flight([call(1.0, milliseconds=500), call(1.5, milliseconds=500)], 0) == 1
    assert figures.most_in_flight([call(1.0, milliseconds=500), call(1.499, milliseconds=500)], 0) == 2
    assert figures.most_in_flight([call(1.0, milliseconds=500), call(1.1, milliseconds=500)], 1.05) == 1


def test_workers_give_waits_fairness_and_cost() -> None:
    """The longest wait, the least and most served, and CPU over all sends: 8 ms of limiter in 20 sends is 0.4 ms."""
    found = figures.of_workers([report(), report(served=8, max_wait_s=0.9, errors={"RateLimitedError": 2})])
    assert found == {
        "max_wait_s": 0.9,
        "per_process_min": 8,
        "per_process_max": 10,
        "cpu_ms_per_request": 0.4,
        "client_cpu_ms_per_request": 4.0,
        "errors": {"RateLimitedError": 2},
    }


def test_a_cold_start_counts_tokens_and_the_last_call_served() -> None:
    """One token call and a last answer 2.5 s after the start."""
    found = figures.of_cold_start([call(100.1, tr_id=""), call(100.4)], [report(served=1), report(served=0)], 100.0)
    assert found == {"tokens_issued": 1, "served": 1, "served_within_s": 2.5}


def test_a_breaker_is_judged_by_its_sends_and_probes() -> None:
    """Opened at 101, two sends before, one probe at 104: three sends of 30 requests."""
    workers = [report(opened_at=101.0, sends_when_open=2, requests=20), report(opened_at=101.2, sends_when_open=1)]
    found = figures.of_failure([call(100.0), call(100.5), call(104.0)], workers)
    assert (found["opened"], found["sends_before_open_max"]) == (True, 2)
    assert (found["probes"], found["probes_in_flight_max"], found["sends_per_request"]) == (1, 1, 0.1)


def test_the_peers_bucket_holds_one_seconds_quota() -> None:
    """Of a full bucket of two, two are taken at once; the third is there half a second later."""
    times = [0.0]
    bucket = TokenBucket(2, lambda: times[-1])
    assert [bucket.take(), bucket.take(), bucket.take()] == [0, 0, 0.5]
    times.append(0.5)
    assert bucket.take() == 0


def test_the_meter_sees_a_wait_that_still_lasts() -> None:
    """A thread that asked and got nothing yet counts with the time it has waited, and calls within calls once."""
    meter, inside, leave = Meter(), threading.Event(), threading.Event()

    def wait() -> None:
        inside.set()
        leave.wait(10)

    acquire = meter.wrap("acquire", meter.wrap("acquire", wait))
    threads = [threading.Thread(target=acquire) for _ in range(4)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    still = meter.longest_wait(now=1e12)
    leave.set()
    for thread in threads:
        thread.join(10)
    assert still > 1e11
    assert meter.longest_wait(now=1e12) < 1e11
    assert meter.cpu > 0


@pytest.mark.parametrize("name", list(CASES))
def test_a_shorter_run_keeps_its_shape(name: str) -> None:
    """Only length and size change with the command line, and at least one process outlives the killing."""
    short = shortened(CASES[name], 10, 2, None)
    assert short == replace(CASES[name], seconds=10, processes=2, kills=min(CASES[name].kills, 1))
