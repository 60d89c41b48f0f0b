"""A server of the emulated stream for each test."""

from __future__ import annotations

import pytest

from tests.support.live_emulator import House


@pytest.fixture
def house() -> House:
    """A server at ten o'clock of a session."""
    return House()
