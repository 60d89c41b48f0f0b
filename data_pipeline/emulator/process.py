"""An emulator in a process of its own, started and stopped by whoever needs one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import requests
from requests import Response
from typing_extensions import Self

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.clock import anchored

APP_KEY = "EMULATOR-" + "0" * 27
"""An app key of the documented length (36) that the emulator accepts."""
APP_SECRET = "emulator-" + "0" * 171
"""An app secret of the documented length (180) that the emulator accepts."""


class EmulatorProcess:
    """Runs ``python -m data_pipeline.emulator`` on a free port of this machine while the ``with`` block lasts.

    The emulator also stops when the process that started it dies, however it dies.

    Args:
        ready_seconds: How long it may take until it answers.
        options: The command line's options with underscores: ``server="virtual"``, ``rate=9``, ``frozen=True``,
            ``now="2026-11-20T20:30"``, ``jitter_ms="0:5"``. None and False leave an option out.
    """

    def __init__(self, *, ready_seconds: float = 120.0, **options: object) -> None:
        self._arguments = _arguments(options)
        self._ready_seconds = ready_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._port: int | None = None

    @property
    def url(self) -> str:
        """The address, for example ``http://127.0.0.1:40123``, to be put in place of KIS's own."""
        if self._port is None:
            raise ConfigurationError("the emulator has not been started")
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The id of the emulator's process."""
        if self._process is None:
            raise ConfigurationError("the emulator has not been started")
        return self._process.pid

    def start(self) -> Self:
        """Start the emulator and return when it answers.

        Raises:
            ConfigurationError: It refused its options or did not answer in time; the message carries what it wrote.
        """
        with tempfile.TemporaryDirectory(prefix="kis-emulator-") as directory:
            port_file = Path(directory, "port")
            with Path(directory, "errors").open("w+b") as errors:
                self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                    [sys.executable, "-m", "data_pipeline.emulator", "--port-file", str(port_file), *self._arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    env={**os.environ, **anchored(os.environ), "PYTHONPATH": _python_path()},
                )
                if not self._becomes_ready(port_file):
                    self.stop()
                    errors.seek(0)
                    said = errors.read().decode().strip()[-2000:] or f"no answer within {self._ready_seconds:.0f} s"
                    raise ConfigurationError(f"the emulator did not start: {said}")
        return self

    def _becomes_ready(self, port_file: Path) -> bool:
        deadline = time.monotonic() + self._ready_seconds
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            if port_file.exists():
                self._port = int(port_file.read_text(encoding="ascii"))
                if self._answers():
                    return True
            time.sleep(0.02)
        return False

    def _answers(self) -> bool:
        try:
            return bool(self._asked("GET", "health", timeout=5).ok)
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """Stop the emulator and wait until it is gone; stopping twice is safe."""
        process, self._process, self._port = self._process, None, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()

    def requests(self, **wanted: object) -> list[dict[str, Any]]:
        """Return the log's entries, oldest first, whose fields equal those wanted (path, tr_id, accepted, since)."""
        entries: list[dict[str, Any]] = self._control("GET", "requests", params={"limit": 1_000_000, **wanted})
        return entries

    def summary(self) -> dict[str, Any]:
        """Return the log's counters: accepted and rejected in all, per key hash, per path and per second."""
        counters: dict[str, Any] = self._control("GET", "requests", params={"summary": "true"})
        return counters

    def forget_requests(self) -> None:
        """Empty the log and its counters."""
        self._control("DELETE", "requests")

    def set_faults(self, *faults: dict[str, Any]) -> None:
        """Put these faults in force in place of those before; none clears them."""
        self._control("PUT", "faults", json=list(faults))

    def set_clock(self, now: str | None, *, frozen: bool = False) -> None:
        """Pin the market clock to an ISO moment (Seoul unless it names a zone); None goes back to its environment's."""
        self._control("PUT", "clock", json={"now": now, "frozen": frozen})

    def set_limits(self, **limits: object) -> None:
        """Change quotas at once: rate, ledger_rate, per_minute (0 for none), window."""
        self._control("PUT", "limits", json=limits)

    def set_krx(self, **rules: object) -> None:
        """Change the rules of the KRX side: daily_limit, keys, approved, blank_funds_when_closed, after_market."""
        self._control("PUT", "krx", json=rules)

    def expire_tokens(self) -> None:
        """Let every issued token expire now."""
        self._control("DELETE", "tokens")

    def _control(self, method: str, what: str, **options: Any) -> Any:
        answer = self._asked(method, what, timeout=30, **options)
        if answer.status_code == 422:
            raise ConfigurationError(f"the emulator refused {method} {what}: {answer.text}")
        answer.raise_for_status()
        return answer.json()

    def _asked(self, method: str, what: str, **options: Any) -> Response:
        with requests.Session() as session:
            session.trust_env = False  # what runs on this machine is never asked through a proxy
            return session.request(method, f"{self.url}/emulator/{what}", **options)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _python_path() -> str:
    """Return a path on which the child finds this very package, installed or not."""
    home = str(Path(__file__).resolve().parents[2])
    present = os.environ.get("PYTHONPATH")
    return os.pathsep.join([home, present]) if present else home


def _arguments(options: dict[str, object]) -> list[str]:
    arguments = ["--stop-with-stdin"]
    for name, value in options.items():
        if value is None or value is False:
            continue
        arguments.append(f"--{name.replace('_', '-')}")
        if value is not True:
            arguments.append(str(value))
    return arguments
