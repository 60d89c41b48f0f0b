"""The choice of moments; what happens at them is in tests/days."""

import re

import pytest

from tests.days.__main__ import slice_of
from tests.days.moments import MOMENTS, chosen

NAMED = {
    "sunday", "holiday", "year-before-ten", "year-after-ten", "csat", "listing", "delisting", "taken-over",
    "0030", "0730", "1100", "1525", "1700", "2001", "2026-12-31", "2027-12-30", "2028-01-03", "2028-02-29",
}  # fmt: skip


def test_every_moment_has_a_name_of_its_own():
    """Eighteen, each once."""
    names = [one.name for one in MOMENTS]
    assert set(names) == NAMED
    assert len(names) == len(NAMED)


def test_days_choose_moments():
    """Names with commas or blanks, in their order; without names all of them."""
    assert [one.name for one in chosen({"DAYS": "csat, sunday"})] == ["csat", "sunday"]
    assert chosen({"DAYS": " "}) == chosen({}) == list(MOMENTS)


def test_a_wrong_day_is_told():
    """The message names it and lists those that there are."""
    with pytest.raises(ValueError, match=re.escape("DAYS names monday; it can be any of sunday, holiday")):
        chosen({"DAYS": "csat,monday"})


def test_a_commit_has_its_three_moments_and_its_seed():
    """Always the same ones, different ones for another commit, and every moment gets its turn."""
    assert slice_of("4a46450") == slice_of("4a46450")
    slices = [slice_of(f"{number:040x}") for number in range(60)]
    assert {len(set(names)) for names, _ in slices} == {3}
    assert {name for names, _ in slices for name in names} == NAMED
    assert len({seed for _, seed in slices}) == 60
