"""Eight processes against the emulator's gate, on a simulated clock: how much of the quota is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.emulator.kis.gate import Gate
from tests.support.limiter_simulation import Simulation
from tests.support.seeds import seeded

pytestmark = pytest.mark.thorough


@pytest.fixture
def simulate(new_store: Any) -> Callable[..., Simulation]:
    """Make a simulation of a server that allows 20 a second."""

    def make(per_minute: int | None = None, window: str = "sliding", **options: Any) -> Simulation:
        store = new_store()
        limiters = [TokenBucketRateLimiter(store, "k", 20) for _ in range(8)]
        return Simulation(store, Gate(20, per_minute, window, store.clock), limiters, **options)

    return make


@pytest.mark.parametrize("jitter", [0.0, 0.005])
def test_little_jitter_costs_no_rejection(simulate: Any, jitter: float) -> None:
    """With up to 5 ms of jitter at least 98 % of the quota is used and nothing is rejected."""
    traffic = simulate(jitter=jitter).run(61)
    assert traffic.used(0, 60, 20) >= 0.98
    assert traffic.rejected(0, 60) == 0
    assert min(traffic.served.values()) >= 0.5 * max(traffic.served.values())


@seeded(1, 2, 3)
def test_much_jitter_is_learned_at_once(simulate: Any, seed: int) -> None:
    """With up to 50 ms of jitter at least 94 % is used and at most 0.2 % rejected, the learning included."""
    traffic = simulate(jitter=0.05, seed=seed).run(61)
    assert traffic.used(0, 60, 20) >= 0.94
    assert traffic.rejected(0, 60) <= 0.002


def test_a_fixed_window_is_kept_as_well(simulate: Any) -> None:
    """A server that counts in whole seconds rejects nothing."""
    traffic = simulate(window="fixed", jitter=0.002).run(61)
    assert traffic.used(0, 60, 20) >= 0.98
    assert traffic.rejected(0, 60) == 0


@pytest.mark.parametrize("jitter", [0.005, 0.05])
def test_a_quota_that_is_halved_and_restored_is_followed(simulate: Any, jitter: float) -> None:
    """Ten seconds after the halving at most 1 % is rejected; a minute after the restore the quota is used again."""
    traffic = simulate(jitter=jitter)
    traffic.at(30, lambda: traffic.gate.change(10, None, "sliding"))
    traffic.at(90, lambda: traffic.gate.change(20, None, "sliding"))
    traffic.run(175)
    assert traffic.rejected(40, 90) <= 0.01
    assert traffic.used(40, 90, 10) >= 0.9
    # With 50 ms of jitter no more than 1 / 1.05 of the quota can be used.
    assert traffic.used(150, 175, 20) >= (0.95 if jitter < 0.05 else 0.94)


@pytest.mark.parametrize("processes", [1, 8])
@pytest.mark.parametrize(("jitter", "window"), [(0.0, "sliding"), (0.05, "sliding"), (0.005, "fixed")])
def test_a_new_customers_three_a_second_are_learned(
    new_store: Any, caplog: Any, processes: int, jitter: float, window: str
) -> None:
    """18 configured, 3 allowed, as KIS has it for three days: two rejections find it; it is used, and said once."""
    store = new_store()
    limiters = [TokenBucketRateLimiter(store, "k", 18) for _ in range(processes)]
    traffic = Simulation(store, Gate(3, None, window, store.clock), limiters, jitter=jitter).run(300)
    assert [ok for at, ok in traffic.arrivals if 2.1 <= at < 4.1].count(False) == 0
    assert traffic.used(10, 300, 3) >= 0.93
    assert traffic.rejected(10, 300) <= 0.02
    (said,) = caplog.messages
    assert said.startswith("The server takes about 3 calls a second, although KIS_API_RATE_LIMIT allows 18")


def test_the_full_rate_of_an_old_customer_is_found(new_store: Any, caplog: Any) -> None:
    """After the first days the configured rate is used again within a minute and a half; a new fall is said anew."""
    store = new_store()
    limiters = [TokenBucketRateLimiter(store, "k", 18) for _ in range(8)]
    traffic = Simulation(store, Gate(3, None, "sliding", store.clock), limiters, jitter=0.005)
    traffic.at(60, lambda: traffic.gate.change(18, None, "sliding"))
    traffic.at(200, lambda: traffic.gate.change(3, None, "sliding"))
    traffic.run(230)
    assert traffic.used(150, 200, 18) >= 0.95
    assert len(caplog.messages) == 2


def test_a_hidden_quota_a_minute_is_found(simulate: Any) -> None:
    """1,000 a minute that nobody told of: two full minutes find it; 93 % of it is used after two minutes."""
    traffic = simulate(per_minute=1000, jitter=0.005).run(180)
    assert traffic.used(120, 180, 1000 / 60) >= 0.93
    assert traffic.rejected(0, 180) * len(traffic.arrivals) <= 10.001


def test_two_of_eight_killed_cost_the_others_nothing(simulate: Any) -> None:
    """The slots of the dead are lost and no more; nobody waits over two seconds."""
    traffic = simulate(jitter=0.005)
    traffic.at(30, lambda: traffic.dead.update({2, 5}))
    traffic.run(61)
    assert traffic.used(0, 60, 20) >= 0.97
    assert traffic.rejected(0, 60) == 0
    assert max(traffic.waits) <= 2.0


def test_one_call_held_up_on_its_way_stops_nobody(simulate: Any) -> None:
    """A single rejection after a minute without any costs a little more room, and no pause."""
    traffic = simulate(jitter=0.005)
    traffic.at(60.0, lambda: traffic.limiters[0].slow_down(traffic.store.clock.now))
    traffic.run(120)
    assert traffic.rejected(0, 120) == 0
    assert traffic.used(60, 120, 20) >= 0.975
    assert max(traffic.waits) < 2
