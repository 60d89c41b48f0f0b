"""Background processes known by PID files."""

import os
import sys
from pathlib import Path

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.local.home import Home
from data_pipeline.local.processes import Background, run_to_the_end

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


def test_a_command_that_fails_names_its_log(tmp_path: Path):
    """The error says where to read on."""
    log = tmp_path / "migrate.log"
    with pytest.raises(ConfigurationError, match=r"migrate\.log"):
        run_to_the_end([sys.executable, "-c", "raise SystemExit('no room')"], os.environ, log)
    assert "no room" in log.read_text()
