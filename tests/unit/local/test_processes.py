"""Background processes known by PID files."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.local.families import Family
from data_pipeline.local.home import Home
from data_pipeline.local.processes import Background, run_to_the_end, wait_until
from data_pipeline.local.watch import watch

pytestmark = pytest.mark.thorough

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


@pytest.fixture
def background(tmp_path: Path):
    """A process that is stopped after the test, whatever happens in it."""
    part = Background(Home(tmp_path).prepare(), "sleeper")
    yield part
    part.stop()


def test_a_started_process_is_known_until_it_is_stopped(background: Background):
    """Its PID is given while it runs, and None after stop."""
    pid = background.start(SLEEPER, os.environ)
    assert background.pid() == pid
    assert background.stop() is True
    assert background.pid() is None
    assert not background.pid_file.exists()


def test_starting_twice_leaves_the_first_alone(background: Background):
    """The second start gives the PID of the process that runs already."""
    assert background.start(SLEEPER, os.environ) == background.start(SLEEPER, os.environ)


def test_a_pid_that_belongs_to_another_process_now_is_not_ours(background: Background):
    """A PID file left over from before a reboot never stops a stranger."""
    background.pid_file.write_text(f"{os.getpid()} 1", "ascii")
    assert background.pid() is None
    assert background.stop() is False


def test_a_process_that_ignores_sigterm_is_ended(background: Background):
    """After the grace the whole group is killed."""
    deaf = (
        "import os, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "open(sys.argv[1], 'w').close(); time.sleep(600)"
    )
    ready = background.home.run / "ready"
    background.start([sys.executable, "-c", deaf, str(ready)], os.environ)
    while not ready.exists():
        os.sched_yield()
    assert background.stop(grace=0.3) is True
    assert background.pid() is None


PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open(sys.argv[1], "w").write(str(child.pid))
child.wait()
"""
"""A process whose child, in a session of its own, outlives it."""


@pytest.fixture
def orphan(background: Background):
    """The child of a part that was killed with SIGKILL."""
    told = background.home.run / "child"
    parent = background.start([sys.executable, "-c", PARENT, str(told)], os.environ)
    assert wait_until(lambda: told.exists() and told.read_text() != "", 30)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    child = psutil.Process(int(told.read_text()))
    assert child.is_running()
    return child


def test_what_a_killed_process_left_running_is_ended_by_stop(background: Background, orphan: psutil.Process):
    """It has another parent and another session, and is known all the same."""
    assert background.stop() is True
    assert not orphan.is_running()


def test_what_a_killed_process_left_running_is_ended_before_another_one_starts(
    background: Background, orphan: psutil.Process
):
    """Two families of one part never run side by side."""
    background.start(SLEEPER, os.environ)
    assert not orphan.is_running()


def test_what_a_killed_process_left_running_is_ended_while_the_others_run(
    background: Background, orphan: psutil.Process
):
    """The watching process ends it by itself and stops when no part is left."""
    watch([background], sleep=lambda _: None)
    assert not orphan.is_running()


def test_a_part_of_another_installation_is_left_alone(background: Background, tmp_path: Path):
    """The same name in another folder is another family."""
    background.start(SLEEPER, os.environ)
    assert Background(Home(tmp_path / "other").prepare(), background.name).stop() is False
    assert background.pid() is not None


def test_a_command_that_fails_names_its_log(tmp_path: Path):
    """The error says where to read on."""
    log = tmp_path / "migrate.log"
    family = Family(Home(tmp_path), "migrate")
    with pytest.raises(ConfigurationError, match=r"migrate\.log"):
        run_to_the_end([sys.executable, "-c", "raise SystemExit('no room')"], os.environ, log, family)
    assert "no room" in log.read_text()
