"""Running work waits for a store that is away, for as long as it was told, and for no other trouble."""

from __future__ import annotations

from typing import Any

import pytest

from data_pipeline.coordination.opening import open_store
from data_pipeline.coordination.store import StoreAwayError, damaged
from data_pipeline.coordination.waiting import WaitingStore
from data_pipeline.exceptions import CoordinationError
from data_pipeline.sources.factory import DataSourceFactory


class Moody:
    """A store that answers from a moment on; before, it fails as told. It keeps the time itself."""

    def __init__(self, back_at: float, error: CoordinationError) -> None:
        self.here, self.back_at, self.error, self.asked = 0.0, back_at, error, 0

    def now(self) -> float:
        return float(self._answer(self.here))

    def read(self, key: str, *, lasting: bool = False) -> dict[str, Any]:
        return dict(self._answer({"key": key, "lasting": lasting}))

    def update(self, key: str, change: Any, *, lasting: bool = False) -> Any:
        return self._answer(change({"key": key}, self.here))

    def location(self, key: str) -> str:
        return key

    def sleep(self, seconds: float) -> None:
        self.here += seconds

    def _answer(self, value: Any) -> Any:
        self.asked += 1
        if self.here < self.back_at:
            raise self.error
        return value


def waiting(store: Moody, wait: float = 30.0) -> WaitingStore:
    """A waiting store whose sleeps pass the moody one's time."""
    return WaitingStore(store, wait, lambda: store.here, store.sleep)


def test_an_outage_of_thirty_seconds_costs_time_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    """Every question is answered once the store is back, and the wait is said once each."""
    store = Moody(29.5, StoreAwayError("gone"))
    assert waiting(store).read("k", lasting=True) == {"key": "k", "lasting": True}
    assert 29.5 <= store.here <= 30.5
    assert caplog.messages == ["gone; waiting for it, for up to 30 s"]
    assert waiting(store).update("k", lambda state, now: (state["key"], now)) == ("k", store.here)
    assert waiting(store).now() == store.here


def test_a_store_that_stays_away_is_an_error_after_the_wait() -> None:
    """It is asked a last time when the wait is over."""
    store = Moody(1e9, StoreAwayError("gone"))
    with pytest.raises(CoordinationError, match="gone"):
        waiting(store, 10.0).now()
    assert store.here == pytest.approx(10.0)


def test_damage_is_not_waited_for() -> None:
    """Waiting mends no state."""
    store = Moody(5.0, damaged("here", "it is not JSON"))
    with pytest.raises(CoordinationError, match="damaged"):
        waiting(store).read("k")
    assert (store.asked, store.here) == (1, 0.0)


def test_the_store_of_running_work_waits() -> None:
    """Asked to wait, a store that is opened does; its name shows no password."""
    store = open_store("redis://:hunter2@127.0.0.1:1/0", {}, 0.1, 0.2)
    assert isinstance(store, WaitingStore)
    assert "hunter2" not in repr(store)
    with pytest.raises(CoordinationError, match="cannot be used"):
        store.read("k")


@pytest.mark.parametrize("vendor", ["kis", "krx"])
def test_sources_wait_for_a_store_that_is_away(vendor: str, caplog: pytest.LogCaptureFixture) -> None:
    """What they open themselves is a store that waits; a damaged one they would not wait for."""
    environ = {
        "KIS_APP_KEY": "k", "KIS_APP_SECRET": "s", "KRX_API_KEY": "x", "KIS_API_QUEUE_TIMEOUT": "0.2",
        "COORDINATION_URL": "redis://127.0.0.1:1/0",
    }  # fmt: skip
    with DataSourceFactory(environ).create(vendor) as source:
        budget = source.shared_budget()
        assert budget is not None
        assert "WaitingStore" in repr(vars(budget))
        if vendor == "kis":
            with pytest.raises(CoordinationError, match="cannot be used"):
                budget.store_id()
            assert "waiting for it, for up to 0 s" in caplog.text
