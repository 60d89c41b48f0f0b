"""The folder of a local installation."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from data_pipeline.local.home import Home, local_home


def test_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path):
    """Every later call gives the first secret back, from a file of mode 0600."""
    home = Home(tmp_path / "home").prepare()
    first = home.secret("fernet")
    assert len(first) == 43
    assert home.secret("fernet") == first
    assert stat.S_IMODE((home.root / "fernet.secret").stat().st_mode) == 0o600


def test_secret_is_the_same_for_all_who_ask_at_once(tmp_path: Path):
    """Sixteen threads that ask for a new secret get one and the same."""
    home = Home(tmp_path / "home").prepare()
    with ThreadPoolExecutor(16) as threads:
        assert len(set(threads.map(lambda _: home.secret("jwt"), range(16)))) == 1


def test_folders_are_closed_to_others(tmp_path: Path):
    """Logs and shared state are readable by their owner only."""
    home = Home(tmp_path / "home").prepare()
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (home.run, home.logs, home.airflow)} == {0o700}


def test_home_is_named_by_the_environment(tmp_path: Path):
    """DATA_PIPELINE_HOME moves the whole installation."""
    assert local_home({"DATA_PIPELINE_HOME": str(tmp_path)}).root == tmp_path.resolve()
    assert local_home({}).root.name == ".local"
