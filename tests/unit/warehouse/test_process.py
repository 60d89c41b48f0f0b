"""Which process is which."""

import os
import subprocess
import sys

from data_pipeline.warehouse.process import is_gone, myself, start_of


def test_this_process_is_there():
    """By its own description."""
    assert is_gone(myself()) is False


def test_a_later_process_of_the_same_number_is_another_one():
    """The start tells them apart."""
    place, number, start = myself().split(" ")
    assert is_gone(f"{place} {number} {int(start) + 1}") is True


def test_a_process_elsewhere_cannot_be_looked_up():
    """Numbers of processes say nothing about another machine or container."""
    assert is_gone(f"elsewhere/1/1 {os.getpid()} {start_of(os.getpid())}") is None


def test_a_zombie_has_ended():
    """Its number is still taken."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert start_of(child.pid) is None
    child.wait()
