"""Reading postmaster.pid, and telling the living from the dead."""

import os
import subprocess

import pytest

from data_pipeline.warehouse.postmaster import Postmaster, gone, read_postmaster

PIDFILE = "4711\n/srv/data\n1789000000\n35601\n\n127.0.0.1\n   123   0\nready\n"


def test_pid_and_port_are_read(tmp_path):
    """Line one is the PID and line four the port."""
    (tmp_path / "postmaster.pid").write_text(PIDFILE)
    assert read_postmaster(tmp_path) == Postmaster(tmp_path, 4711, 35601)


def test_port_is_unknown_while_the_server_begins(tmp_path):
    """A file that is still being written has a PID and no port."""
    (tmp_path / "postmaster.pid").write_text("4711\n/srv/data\n")
    assert read_postmaster(tmp_path) == Postmaster(tmp_path, 4711, None)


@pytest.mark.parametrize("text", ["", "\n", "ready\n"])
def test_half_written_file_says_nothing(tmp_path, text):
    """A file without a PID is as good as none."""
    (tmp_path / "postmaster.pid").write_text(text)
    assert read_postmaster(tmp_path) is None


def test_no_file_no_server(tmp_path):
    """Without postmaster.pid there is no server."""
    assert read_postmaster(tmp_path) is None


def test_stranger_is_not_the_server(tmp_path):
    """A living process that is no postgres, such as this one, is not the server."""
    assert not Postmaster(tmp_path, os.getpid(), 1).alive


def test_living_process_is_not_gone():
    """This process is here."""
    assert not gone(os.getpid())


def test_zombie_is_gone_and_so_is_a_reaped_process():
    """A process that ended is gone, before and after its parent asked for it."""
    child = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert gone(child.pid)
    child.wait()
    assert gone(child.pid)
