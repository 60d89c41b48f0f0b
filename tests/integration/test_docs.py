"""Every fenced command of README and docs, as a reader without a key would type it, on one warehouse.

The blocks of a page are run in their order. A command that stands on several pages is run once, for it says the same.
"""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from data_pipeline.warehouse.embedded import EmbeddedPostgres
from tests.support.fences import PAGES, blocks
from tests.support.project import ROOT

pytestmark = pytest.mark.slow

EVENING = "2026-11-30T20:40+09:00"
SHARED = (
    "data_pipeline",
    "dags",
    "plugins",
    "sql",
    "tools",
    "tests",
    "Makefile",
    "pyproject.toml",
    "requirements-dev.txt",
    ".env.example",
)
MAY_LACK = ("status", "coverage", "gaps")
"""Commands that say by exit code 1 that something is missing, which is no failure of theirs."""
TUTORIAL = ROOT / "docs" / "tutorial" / "first-session.md"
RUN = [page for page in [TUTORIAL, *PAGES] if any(not block.kind for block in blocks(page))]


class Reader:
    """Somebody who sits in a clone, with a folder and a market of their own."""

    def __init__(self, folder):
        self.clone, self.home = folder / "clone", folder / "home"
        self.clone.mkdir()
        for name in SHARED:
            (self.clone / name).symlink_to(ROOT / name)
        shutil.copytree(ROOT / "docs", self.clone / "docs")
        (self.clone / ".venv").symlink_to(sys.prefix)
        programs = self.clone / ".venv" / "bin"
        self.done = set()
        self.environ = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "DATA_PIPELINE_HOME": str(self.home),
            "COORDINATION_URL": (folder / "coordination").as_uri(),
            "MARKET_CLOCK": EVENING,
            "COLUMNS": "80",
        }

    def type(self, block, before):
        """Run a block; ``before`` holds the blocks of its page that came earlier and are in Python."""
        if block.language == "python":
            self.run([sys.executable, "-c", "\n".join([*before, block.text])], block)
        elif block.language == "sql":
            for statement in filter(str.strip, block.text.split(";")):
                self.run(["data-pipeline", "sql", statement], block)
        else:
            for line in block.lines:
                if line.partition("#")[0].strip() not in self.done:
                    self.done.add(line.partition("#")[0].strip())
                    self.run(["bash", "-euo", "pipefail", "-c", line], block)

    def run(self, words, block):
        """Run a command, which has to end with 0, or with 1 where that only says that something is missing."""
        done = subprocess.run(words, cwd=self.clone, env=self.environ, capture_output=True, text=True, check=False)
        may_lack = any(f"data-pipeline {one}" in words[-1] for one in MAY_LACK)
        assert done.returncode in ((0, 1) if may_lack else (0,)), f"{block}: {words[-1]}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """The reader, whose server is stopped at the end."""
    folder = tmp_path_factory.mktemp("reader")
    yield Reader(folder)
    if (folder / "home" / "postgres").exists():
        EmbeddedPostgres(folder / "home" / "postgres").destroy()


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_page_ends_as_it_says(page, reader):
    """Every command that is not marked ends with 0, after those above it."""
    before: list[str] = []
    for block in blocks(page):
        if not block.kind:
            reader.type(block, before)
            before += [block.text] if block.language == "python" else []


def test_the_notebook_runs_from_its_first_cell_to_its_last(reader):
    """As a quant would begin: adjusted prices, as of then, minutes, coverage; each cell says what it should."""
    notebook = nbformat.read(ROOT / "docs" / "notebooks" / "start-here.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(reader.clone)}})
    client.execute(env=reader.environ)
    shown = [cell["outputs"][-1]["data"]["text/plain"] for cell in notebook.cells if cell.get("outputs")]
    assert "kis-sandbox" in shown[1]
    assert shown[2] in ("True", "np.True_")
    assert shown[3].endswith("won'")
