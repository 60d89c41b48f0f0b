"""Integer noise and powers of two against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.sources.mock.noise import ONE, bell, below, between, log_of, mixed, power_of_two
from data_pipeline.sources.mock.path import MARGIN, SPAN, log_price

keys = st.integers(0, 2**64 - 1)
salts = st.integers(-(2**20), 2**60)


def test_mixed_vectors() -> None:
    """The mixer gives the published first outputs of splitmix64 for seed 1234567."""
    assert [mixed(1234567, number) for number in (1, 2, 3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@pytest.mark.parametrize(
    ("exponent", "power"),
    [(0, 1), (ONE * 16, 65_536), (ONE * 21 // 2, 1_448), (ONE * 40, 2**40), (ONE * 61 // 3, 1_321_123)],
)
def test_power_of_two(exponent: int, power: int) -> None:
    """Powers are rounded to the nearest whole number: 2^10.5 is 1448.15, 2^(61/3) is 1321122.9."""
    assert power_of_two(exponent) == power


def test_power_of_two_with_ratio() -> None:
    """A ratio applies before rounding: 2^10 / 50 is 20.48."""
    assert power_of_two(10 * ONE, 1, 50) == 20


@given(st.integers(2 * ONE, 22 * ONE))
def test_power_is_the_inverse_root(exponent: int) -> None:
    """Squaring the power of half an exponent gives the power of the exponent, but for rounding."""
    half, whole = power_of_two(exponent // 2), power_of_two(exponent)
    assert abs(Fraction(half * half, whole) - 1) <= Fraction(2, half) + Fraction(1, whole)


@given(st.integers(2, 3_000_000))
def test_log_undoes_power(value: int) -> None:
    """The logarithm of a price leads back to that price."""
    assert power_of_two(log_of(value)) == value


@given(keys, salts)
def test_bell_is_bounded(key: int, salt: int) -> None:
    """Noise never leaves its bounds, on which the price limits rely."""
    assert abs(bell(key, salt)) <= 131_070


@given(keys, salts, st.integers(-50, 50), st.integers(0, 10**6))
def test_draws_stay_inside(key: int, salt: int, low: int, width: int) -> None:
    """Draws lie between their bounds, both included, and below an excluded bound."""
    assert low <= between(key, salt, low, low + width) <= low + width
    assert 0 <= below(key, salt, width + 1) <= width


@pytest.mark.thorough
@given(keys, st.integers(-MARGIN, SPAN - MARGIN - 2))
def test_steps_are_bounded(key: int, clock: int) -> None:
    """One step of a path is never larger than 8.6 deviations, wherever it is."""
    sigma = ONE // 25
    assert abs(log_price(key, sigma, clock + 1) - log_price(key, sigma, clock)) <= sigma * 86 // 10
