"""The emulator as a process, over real HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from data_pipeline.emulator.__main__ import build_parser, settings_of
from data_pipeline.emulator.process import APP_KEY, APP_SECRET, EmulatorProcess
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.clock import market_now
from tests.support.processes import read_line
from tests.support.project import ROOT

pytestmark = pytest.mark.thorough

EVENING = "2026-11-20T20:30"
PRICE = "/uapi/domestic-stock/v1/quotations/inquire-price"


@pytest.fixture(scope="module")
def emulator():
    """An emulator on the reference evening whose quota is out of the way."""
    with EmulatorProcess(now=EVENING, frozen=True, rate=100) as process:
        yield process


@pytest.fixture(scope="module")
def token(emulator):
    """A token issued over the wire, once, since a second instrument within a minute is refused."""
    grant = {"grant_type": "client_credentials", "appkey": APP_KEY, "appsecret": APP_SECRET}
    answer = requests.post(f"{emulator.url}/oauth2/tokenP", json=grant, timeout=10)
    return answer.json()["access_token"]


@pytest.fixture
def headers(emulator, token):
    """The headers of a quote, with the log empty and no fault in force."""
    emulator.set_faults()
    emulator.forget_requests()
    return {"authorization": f"Bearer {token}", "appkey": APP_KEY, "appsecret": APP_SECRET,
            "tr_id": "FHKST01010100", "custtype": "P"}  # fmt: skip


def _quote(emulator, headers, session=requests):
    params = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
    return session.get(emulator.url + PRICE, params=params, headers=headers, timeout=10)


def test_an_emulator_is_never_asked_through_a_proxy(environment):
    """It runs on this machine, whatever proxy the environment names for the rest of the world."""
    environment(HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")
    with EmulatorProcess(now=EVENING, frozen=True, ready_seconds=60) as process:
        assert process.summary()["accepted"] == 0


@pytest.mark.parametrize("part", ["body", "headers"])
def test_an_answer_that_drips_is_the_right_one(emulator, headers, part):
    """Whoever has the patience gets every byte of it, and the emulator goes on."""
    emulator.set_faults({"kind": "drip", "value": part, "seconds": 0, "count": 1})
    assert _quote(emulator, headers).json()["output"]["stck_prpr"] == "71000"
    assert _quote(emulator, headers).status_code == 200


def test_header_names_are_written_as_kis_does(emulator, headers):
    """KIS's own Python sample makes identifiers of the names in lower case, so those must be words."""
    names = list(_quote(emulator, headers).headers)
    assert {"Content-Type", "Content-Length", "Date", "tr_id", "tr_cont", "gt_uid"} == {*names}
    assert [name for name in names if name.islower() and not name.isidentifier()] == []


def test_a_quote_over_the_wire(emulator, headers):
    """A token and a quote over real HTTP; the log saw one accepted call; ``Date`` is the market clock."""
    answer = _quote(emulator, headers)
    assert answer.json()["output"]["stck_prpr"] == "71000"
    assert answer.headers["Date"] == "Fri, 20 Nov 2026 11:30:00 GMT"
    assert [entry["path"] for entry in emulator.requests()] == [PRICE]
    assert emulator.summary()["accepted"] == 1


def test_a_dropped_connection_reaches_the_client_as_such(emulator, headers):
    """The drop fault closes the socket without a byte; the next call on a new connection is served."""
    emulator.set_faults({"kind": "drop", "count": 1})
    with pytest.raises(requests.ConnectionError):
        _quote(emulator, headers)
    assert _quote(emulator, headers).ok


def test_a_hanging_call_runs_into_the_clients_timeout(emulator, headers):
    """The hang fault answers nothing until the client gives up, and the server goes on serving."""
    emulator.set_faults({"kind": "hang", "count": 1})
    with pytest.raises(requests.Timeout):
        requests.get(emulator.url + PRICE, headers=headers, timeout=0.2)
    assert _quote(emulator, headers).ok


def test_a_client_may_keep_its_connection(emulator, headers):
    """Calls on one kept connection are all answered, a truncated answer included."""
    emulator.set_faults({"kind": "truncated", "skip": 1, "count": 1})
    with requests.Session() as session:
        answers = [_quote(emulator, headers, session) for _ in range(3)]
    assert [len(answer.content) > 1500 for answer in answers] == [True, False, True]


def test_limits_and_clock_are_set_from_outside(emulator, headers):
    """set_limits and set_clock take effect at once; a quota of 0 is refused with its reason."""
    emulator.set_clock("2026-11-16T10:30", frozen=True)
    assert _quote(emulator, headers).headers["Date"] == "Mon, 16 Nov 2026 01:30:00 GMT"
    emulator.set_clock("2026-11-20T20:30", frozen=True)
    with pytest.raises(ConfigurationError, match="rate 0"):
        emulator.set_limits(rate=0)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(tmp_path, stop):
    """SIGTERM and SIGINT end it with exit code 0 and no traceback; its one line names its address."""
    port_file = tmp_path / "port"
    process = subprocess.Popen(
        [sys.executable, "-m", "data_pipeline.emulator", "--port-file", str(port_file), "--now", EVENING],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = read_line(process)
    requests.get(f"{line.split()[-1]}/emulator/health", timeout=10).raise_for_status()
    os.kill(process.pid, stop)
    rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert line.strip() == f"KIS emulator (real) on http://127.0.0.1:{port_file.read_text()}"


def test_it_ends_when_its_parent_is_gone():
    """With --stop-with-stdin the end of standard input, as when the parent is killed, ends it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "data_pipeline.emulator", "--stop-with-stdin", "--now", EVENING],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert read_line(process)
    process.communicate(timeout=10)
    assert process.returncode == 0


def test_wrong_options_are_told():
    """An emulator that refuses its options raises with the reason, not a timeout."""
    with pytest.raises(ConfigurationError, match="at least 1"):
        EmulatorProcess(rate=0, now=EVENING).start()
    with pytest.raises(ConfigurationError, match="has not been started"):
        _ = EmulatorProcess(now=EVENING).url


def test_options_become_settings():
    """The command line's options are the settings."""
    settings = settings_of(build_parser().parse_args(["--server", "virtual", "--rate", "3", "--jitter-ms", "1:5"]))
    assert (settings.server, settings.quota, settings.ledger_quota, settings.jitter_ms) == ("virtual", 3, 3, (1.0, 5.0))


def test_the_help_shows_examples(capsys):
    """--help ends with commands that can be copied."""
    with pytest.raises(SystemExit):
        build_parser().parse_args(["--help"])
    assert "--now 2026-11-20T10:30" in capsys.readouterr().out


def test_its_clock_is_the_one_that_the_variable_fixes(monkeypatch):
    """Until another moment is pinned, and again when that is let go; its parent and it live by one clock."""
    monkeypatch.setenv("MARKET_CLOCK", "2027-06-15T11:00")
    with EmulatorProcess() as emulator:

        def date_header() -> datetime:
            answer = requests.get(f"{emulator.url}/nothing", timeout=10)
            return parsedate_to_datetime(answer.headers["Date"])

        assert abs(date_header() - market_now()) < timedelta(seconds=30)
        emulator.set_clock("2026-09-22T11:00", frozen=True)
        assert date_header().isoformat() == "2026-09-22T02:00:00+00:00"
        emulator.set_clock(None)
        assert abs(date_header() - market_now()) < timedelta(seconds=30)


def test_a_wrong_moment_of_the_market_is_refused(monkeypatch):
    """Before it listens."""
    monkeypatch.setenv("MARKET_CLOCK", "tomorrow")
    with pytest.raises(ConfigurationError, match="MARKET_CLOCK must be a moment"):
        EmulatorProcess().start()


def test_a_proxy_of_the_environment_is_not_asked_for_it(environment):
    """`HTTP_PROXY` without `NO_PROXY`, and nobody there: the emulator starts and answers as without."""
    environment(HTTP_PROXY="http://127.0.0.1:9", HTTPS_PROXY="http://127.0.0.1:9", NO_PROXY="", no_proxy="")
    with EmulatorProcess(now=EVENING, frozen=True) as emulator:
        assert emulator.requests() == []
