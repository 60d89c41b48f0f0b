"""The quota of a day: counted for everybody, kept over restarts, over at midnight in Seoul."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest

from data_pipeline.client.daily_quota import DailyQuota
from data_pipeline.coordination.file import FileStore
from data_pipeline.exceptions import ConfigurationError, CoordinationError, DailyQuotaError


class Clock:
    """A wall clock that the test moves."""

    at = datetime(2026, 11, 23, 14, 0, tzinfo=timezone.utc)

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    """23:00 in Seoul."""
    return Clock()


@pytest.fixture
def make(tmp_path, clock):
    """Make quotas on one store, as processes do; ``boot`` is the host's start."""

    def quota(limit=3, boot="first"):
        return DailyQuota(FileStore(tmp_path / "state", boot_id=boot), "krx-test", limit, clock)

    return quota


def test_everybody_shares_the_days_calls(make):
    """Two sharers have three calls together; the fourth is refused and says when the day ends."""
    one, other = make(), make()
    one.take()
    other.take()
    assert one.left() == 1
    one.take()
    with pytest.raises(DailyQuotaError, match="2026-11-23") as caught:
        other.take()
    assert caught.value.retry_after == 3600


def test_midnight_in_seoul_begins_a_new_day(make, clock):
    """The day is Seoul's, whatever zone the clock shows."""
    make(1).take()
    clock.at = datetime(2026, 11, 23, 15, 0, tzinfo=timezone.utc)
    make(1).take()
    clock.at = datetime(2026, 11, 23, 14, 59, tzinfo=timezone.utc)
    with pytest.raises(DailyQuotaError):
        make(1).take()


def test_a_stop_holds_until_midnight(make, clock):
    """The server's word counts more than our count."""
    make().stop()
    assert make().left() == 0
    with pytest.raises(DailyQuotaError):
        make().take()
    clock.at = datetime(2026, 11, 24, 0, 0, tzinfo=timezone.utc)
    assert make().left() == 3


def test_the_count_outlives_a_restart_of_the_host(make):
    """The server still counts, so we do."""
    make(boot="first").take()
    assert make(boot="second").left() == 2
    with pytest.raises(DailyQuotaError):
        make(limit=1, boot="third").take()


def test_threads_never_take_more_than_there_is(make):
    """Of twenty threads three get a call."""
    quota = make()

    def got(_):
        try:
            quota.take()
        except DailyQuotaError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(got, range(20))) == 3


@pytest.mark.parametrize("days", [7, {"2026-11-23": "many"}, {"today": 1}, {"2026-11-23": -1}], ids=str)
def test_a_damaged_count_sends_nothing(make, tmp_path, days):
    """An unreadable count is an error, not a fresh day."""
    FileStore(tmp_path / "state", boot_id="first").update(
        "krx-test.day", lambda state, _: state.update(days=days), secret=True
    )
    with pytest.raises(CoordinationError, match="count by day"):
        make().take()


def test_no_calls_at_all_is_no_quota(make):
    """A limit below one is a mistake."""
    with pytest.raises(ConfigurationError):
        make(0)
