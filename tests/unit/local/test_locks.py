"""Locks between the commands of one installation."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from data_pipeline.exceptions import BusyError
from data_pipeline.local.home import Home
from data_pipeline.local.locks import alone
from tests.support.processes import close_input, read_line

HOLD = """
import sys
from pathlib import Path
from data_pipeline.local.home import Home
from data_pipeline.local.locks import alone
with alone(Home(Path(sys.argv[1])), "run", "`data-pipeline run`"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path):
    """A prepared installation."""
    return Home(tmp_path).prepare()


@pytest.fixture
def holder(home: Home):
    """Another process that holds the lock `run` until its standard input is closed."""
    command = [sys.executable, "-c", HOLD, str(home.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert read_line(process) == "held\n"
        yield process
        process.kill()


def test_the_second_is_told_who_is_first(home: Home, holder: subprocess.Popen):
    """The message names command, process, moment and folder; another lock is free."""
    with pytest.raises(BusyError) as caught, alone(home, "run", "`data-pipeline run`"):
        pass
    said = str(caught.value)
    assert said.startswith(f"`data-pipeline run` (pid {holder.pid}, since 20")
    assert f"works in {home.root}: wait until it has ended" in said
    with alone(home, "up", "`data-pipeline up`"):
        pass


@pytest.mark.parametrize("how", [signal.SIGKILL, None], ids=["killed", "ended"])
def test_a_holder_that_is_gone_holds_nothing(home: Home, holder: subprocess.Popen, how):
    """Neither a kill -9 nor an end leaves a lock behind; the file that stays says who holds it now."""
    if how is None:
        close_input(holder)
    else:
        holder.send_signal(how)
    holder.wait()
    with alone(home, "run", "`data-pipeline run`"):
        assert f"(pid {os.getpid()}, since " in (home.run / "run.lock").read_text()


def test_dag_runs_end_with_their_starter(tmp_path: Path):
    """When the command is killed its DAG runs do not go on loading: their standard input ends, and so do they."""
    plan = tmp_path / "plan.json"
    os.mkfifo(plan)  # whoever reads it waits for ever
    paths = [str(plan), str(tmp_path / "events")]
    command = [sys.executable, "-m", "data_pipeline.local.dag_runs", *paths, "--stop-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        close_input(process)
        assert process.wait(120) == 143
