"""The two documented scripts, run as the README says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import ROOT

BANNER = "=" * 80


def run(*arguments: str, directory: Path = ROOT, **environ: str) -> str:
    """Run Python in a bare environment, isolated from an installed package, and return what it prints."""
    bare = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environ}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=directory, env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.thorough
def test_kis_api_client_prints_the_documented_output():
    """The client's self-check needs no credentials, exits 0 and prints what the README shows."""
    printed = run("data_pipeline/scripts/kis_api_client.py")
    assert printed.startswith(f"{BANNER}\nTesting KIS API client with mock data\n{BANNER}\n")
    assert (
        f"1. Testing get_current_price()\n{BANNER}\n\n"
        "Samsung Electronics (005930)\n  Current Price: 71,000 KRW\n  Change: +1,420 (+2.04%)\n"
    ) in printed
    assert "\n  Volume: 25,483,920\n" in printed
    assert "All tests completed successfully!" in printed


@pytest.mark.thorough
def test_data_source_prints_the_documented_output():
    """The data source's self-check does the same over the abstraction."""
    printed = run("data_pipeline/scripts/data_source.py")
    assert "Samsung Electronics (005930)\n  Current Price: 71,000 KRW\n  Change: +1,420 (+2.04%)" in printed
    assert "All tests completed successfully!" in printed


@pytest.mark.thorough
@pytest.mark.parametrize("script", ["kis_api_client", "data_source"])
def test_script_runs_with_credentials_around(script, tmp_path):
    """The self-check uses mock data even where credentials and odd settings are set."""
    environ = {"KIS_APP_KEY": "key", "KIS_APP_SECRET": "secret", "KIS_API_RATE_LIMIT": "fast"}
    printed = run(str(ROOT / f"data_pipeline/scripts/{script}.py"), directory=tmp_path, **environ)
    assert "All tests completed successfully!" in printed


@pytest.mark.thorough
def test_documented_short_import():
    """The README also imports the script itself, with its folder on the path."""
    scripts = str(ROOT / "data_pipeline" / "scripts")
    code = (
        "from kis_api_client import PriceType; from data_pipeline.market.records import PriceType as Own; "
        "print(PriceType is Own, PriceType.MINUTE_30.name)"
    )
    assert run("-c", code, PYTHONPATH=scripts) == "True MINUTE_30\n"


@pytest.mark.thorough
def test_documented_imports():
    """Every import line of the README works."""
    code = (
        "from data_pipeline.scripts.data_source import create_data_source, DataSourceType\n"
        "from data_pipeline.scripts.kis_api_client import KISAPIClient, PriceType, create_client\n"
        "client = KISAPIClient(app_key='your_key', app_secret='your_secret', use_virtual=True, use_mock=False)\n"
        "with create_data_source(DataSourceType.MOCK) as source:\n"
        "    chart = source.get_chart_data('005930', PriceType.DAILY, 30)\n"
        "print(len(chart), chart[0].close_price)"
    )
    assert run("-c", code) == "30 71000\n"


@pytest.mark.thorough
def test_documented_error_handling():
    """A malformed code is a ValueError, as the README catches it."""
    code = (
        "from data_pipeline.scripts.kis_api_client import create_client\n"
        "try:\n    create_client(use_mock=True).get_current_price('wrong')\n"
        "except ValueError as e:\n    print('Input error')"
    )
    assert run("-c", code) == "Input error\n"
