"""The share of a quota that calls used, by hand arithmetic."""

import pytest

from benchmarks.celery import used


@pytest.mark.parametrize(
    ("arrived", "share"),
    [
        ([0.0, 0.5, 1.0, 1.5], 1.0),  # one each half second: two a second
        ([3.5, 2.0, 3.0, 2.5], 1.0),  # in any order
        ([0.0, 0.5, 1.0, 3.5], 0.5),  # four in the time of eight
    ],
)
def test_calls_are_held_against_the_quota_of_their_time(arrived, share):
    """From the first to the last, whose own turn counts too."""
    assert used(arrived, rate=2)["quota_used"] == share
