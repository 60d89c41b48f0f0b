"""The quota of a day: counted for everybody, kept over restarts, over at midnight in Seoul."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
from cryptography.fernet import Fernet

from data_pipeline.client.daily_quota import DailyQuota
from data_pipeline.coordination.envelope import FORMAT
from data_pipeline.coordination.file import FileStore
from data_pipeline.exceptions import ConfigurationError, CoordinationError, DailyQuotaError
from tests.support.dated_file import write_now


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
        "krx-test.day", lambda state, _: state.update(days=days), lasting=True
    )
    with pytest.raises(CoordinationError, match="count by day"):
        make().take()


def test_sharers_with_different_fernet_keys_share_the_days_calls(tmp_path, clock):
    """Airflow has a Fernet key and the command has none; neither reads the other's count as nothing used."""
    keys = [None, Fernet.generate_key().decode(), Fernet.generate_key().decode()]
    quotas = [DailyQuota(FileStore(tmp_path / "state", fernet_key=key), "krx-test", 3, clock) for key in keys]
    for quota in quotas:
        quota.take()
    assert [quota.left() for quota in quotas] == [0, 0, 0]


def test_a_count_that_cannot_be_opened_is_not_a_fresh_day(make, tmp_path):
    """What version 0.1 sealed with a Fernet key that is not set here sends nothing, and stays."""
    make().take()
    path = tmp_path / "state" / "krx-test.day.json"
    sealed = Fernet(Fernet.generate_key()).encrypt(b'{"days": {"2026-11-23": 3}}').decode()
    content = json.dumps({"format": FORMAT, "boot": "first", "host": "h", "at": 1, "sealed": sealed})
    write_now(path, content.encode())
    before = path.read_bytes()
    for use in (make().take, make().left, make().stop):
        with pytest.raises(CoordinationError, match="AIRFLOW__CORE__FERNET_KEY"):
            use()
    assert path.read_bytes() == before


def test_no_calls_at_all_is_no_quota(make):
    """A limit below one is a mistake."""
    with pytest.raises(ConfigurationError):
        make(0)
