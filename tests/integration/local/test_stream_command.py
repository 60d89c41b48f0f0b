"""The command `stream` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest


def command(folder, *words, env="", **told):
    """Start `data-pipeline stream` in a folder of its own, with this `.env` and these variables."""
    (folder / ".env").write_text(env, "utf-8")
    kept = {
        name: text for name, text in os.environ.items() if not name.startswith(("KIS_", "KRX_", "MARKET_", "DATA_"))
    }
    told = {**kept, **told, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-m", "data_pipeline", "stream", *words],
        cwd=folder, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_the_demonstration_needs_nothing_and_never_uses_a_key(tmp_path):
    """Keys in `.env` stay there, trades come, and nothing is left behind."""
    keys = f"KIS_APP_KEY={'K' * 36}\nKIS_APP_SECRET={'S' * 180}\nKIS_USE_VIRTUAL_SERVER=false\n"
    began = time.monotonic()
    process = command(tmp_path, "--demo", "--seconds", "25", env=keys)
    out, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    (trades,) = re.findall(r"of \d+ codes: ([\d,]+) trades", out)
    assert int(trades.replace(",", "")) > 20
    assert " 0 refused" in out
    assert "K" * 36 not in out + errors
    assert time.monotonic() > began + 25


@pytest.mark.slow
def test_a_signal_ends_it_in_good_order(tmp_path):
    """SIGTERM closes the line and ends it with 0."""
    process = command(tmp_path, "--demo", "--seconds", "600")
    for line in process.stderr:
        if "is open" in line:
            break
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "the service stops" in errors
    assert "codes:" in out


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kinds", "trades"], "--kinds takes trade, order_book"),
        (["--venues", "KOSPI"], "--venues takes KRX, NXT, UNIFIED"),
        (["--codes", "59"], "six characters"),
    ],
)
def test_a_wrong_option_is_one_sentence(tmp_path, words, said):
    """Nothing is started for it."""
    process = command(tmp_path, *words)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said in " ".join(errors.split())
    assert "Traceback" not in errors


@pytest.mark.slow
def test_what_has_no_stream_says_so(tmp_path):
    """KRX and the mock bring no trades as they happen, and the virtual server has KRX's alone."""
    keys = {"KIS_APP_KEY": "K" * 36, "KIS_APP_SECRET": "S" * 180}
    for words, told, said in (
        ([], {"DATA_SOURCE_TYPE": "mock"}, "mock has no live stream"),
        (["--venues", "NXT"], keys, "virtual server streams trades and order books of KRX only"),
    ):
        process = command(tmp_path, *words, **told, DATA_PIPELINE_HOME=str(tmp_path / "home"))
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, said in " ".join(errors.split())) == (2, True), errors
