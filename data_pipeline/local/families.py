"""Every process that one part of an installation started, however it came about: told by a mark that all inherit."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

import psutil

from data_pipeline.local.home import Home

MARK = "DATA_PIPELINE_PART"
PAUSE_S = 1.0


@dataclass(frozen=True)
class Family:
    """A part's process, its children and theirs, and those that outlived their parents.

    Children inherit the variable ``DATA_PIPELINE_PART``, whose value names the installation and the part. It stays
    with a process whose parent was killed, and with one that began a session of its own.
    """

    home: Home
    part: str

    @property
    def mark(self) -> dict[str, str]:
        """The variables that the part has to be started with."""
        # Without the second one, programs that set their title write it over the variables.
        return {MARK: self._value, "SPT_NOENV": "1"}

    def members(self) -> list[psutil.Process]:
        """Return the processes that run, in no order; never this one."""
        return [process for process in psutil.process_iter() if self._holds(process)]

    def end(self, grace: float) -> int:
        """Ask every process to end, kill those that have not within ``grace`` seconds, and return how many there were.

        Whatever they start meanwhile is ended too.
        """
        found = self.members()
        for process in found:
            with suppress(psutil.Error):
                process.terminate()
        psutil.wait_procs(found, grace)
        while left := self.members():
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, PAUSE_S)
        return len(found)

    @property
    def _value(self) -> str:
        return f"{self.part}:{self.home.root}"

    def _holds(self, process: psutil.Process) -> bool:
        if process.pid == os.getpid():
            return False
        with suppress(psutil.Error, OSError):
            return bool(process.environ().get(MARK) == self._value and process.status() != psutil.STATUS_ZOMBIE)
        return False
