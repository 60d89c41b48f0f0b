"""Deterministic noise and powers of two from integers alone, so that every machine computes the same bytes."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from math import isqrt

ONE = 1 << 24
"""One in the fixed-point scale of logarithms to base two (24 fractional bits)."""

_MASK = (1 << 64) - 1
_CHUNK_SUM_MEAN = 2 * 65535
_PRECISION = 60


def mixed(key: int, salt: int) -> int:
    """Return 64 well mixed bits of two integers (the finisher of splitmix64)."""
    z = (key + salt * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def text_key(seed: int, text: str) -> int:
    """Return 64 bits that belong to this text under this seed."""
    return int.from_bytes(blake2b(f"{seed}/{text}".encode(), digest_size=8).digest(), "big")


def bell(key: int, salt: int) -> int:
    """Return bounded bell-shaped noise: mean 0, deviation near 37,837, never beyond +-131,070."""
    z = mixed(key, salt)
    return (z & 65535) + (z >> 16 & 65535) + (z >> 32 & 65535) + (z >> 48) - _CHUNK_SUM_MEAN


def below(key: int, salt: int, bound: int) -> int:
    """Return a whole number from 0 up to ``bound``, ``bound`` not included."""
    return mixed(key, salt) * bound >> 64


def between(key: int, salt: int, low: int, high: int) -> int:
    """Return a whole number from ``low`` to ``high``, both included."""
    return low + below(key, salt, high - low + 1)


def power_of_two(exponent: int, numerator: int = 1, denominator: int = 1) -> int:
    """Return 2 to the fixed-point ``exponent``, times ``numerator`` over ``denominator``, rounded to a whole number."""
    whole, fraction = divmod(exponent, ONE)
    high, middle, low = _tables()
    value = (high[fraction >> 16] * middle[fraction >> 8 & 255] >> _PRECISION) * low[fraction & 255] * numerator
    shift = 2 * _PRECISION - whole
    scaled = value // denominator
    return scaled + (1 << shift - 1) >> shift if shift > 0 else scaled << -shift


def log_of(value: int) -> int:
    """Return the largest fixed-point exponent whose power of two does not exceed ``value``."""
    low, high = 0, value.bit_length() * ONE
    while high - low > 1:
        middle = low + high >> 1
        low, high = (middle, high) if power_of_two(middle) <= value else (low, middle)
    return low


@lru_cache(maxsize=1)
def _tables() -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    roots = [2 << _PRECISION]
    for _ in range(24):
        roots.append(isqrt(roots[-1] << _PRECISION))
    return _products(roots[1:9]), _products(roots[9:17]), _products(roots[17:25])


def _products(roots: list[int]) -> tuple[int, ...]:
    table = []
    for index in range(256):
        value = 1 << _PRECISION
        for bit, root in enumerate(roots):
            if index >> 7 - bit & 1:
                value = value * root >> _PRECISION
        table.append(value)
    return tuple(table)
