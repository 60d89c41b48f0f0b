"""What the documentation points at is there: files, folders and headings; and its version is the package's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import data_pipeline

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FOLDERS = ["benchmarks", "dags", "data_pipeline", "docker", "docs", "plugins", "sql", "tests", "tools"]


def prose(page):
    """The text of a page without its blocks and spans of code."""
    return re.sub(r"^( *)```.*?^\1```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page, root=ROOT):
    """The links of a page that lead nowhere or out of the project; links to other sites are not looked at."""
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or root not in target.parents or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_links_resolve(page):
    """Every relative link of a page leads to a file or folder of the project, and to a heading where it names one."""
    assert broken(page) == []


@each_page
def test_paths_exist(page):
    """Every path of the project that a page names as code is there."""
    named = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", page.read_text("utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


@each_page
def test_imports_work(page):
    """Every import of the package that a page shows works."""
    for line in re.findall(r"^from data_pipeline[\w.]* import [\w, ]+$", page.read_text("utf-8"), re.MULTILINE):
        exec(line, {})


def test_broken_links_are_found(tmp_path):
    """A link to no file and one to no heading are named; headings, code and other sites are not."""
    page = tmp_path / "page.md"
    page.write_text(
        "# One `two`, three\n[a](gone.md) [b](#one-two-three) [c](#four) [d](https://x.kr/#y) `[e](f.md)`\n"
    )
    assert broken(page, tmp_path) == ["gone.md", "#four"]


def test_one_version():
    """`pyproject.toml` and the package say the same version, and the changelog's first entry is about it."""
    said = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert said
    assert said[1] == data_pipeline.__version__
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] == re.sub(r"\.?dev\d+$", "", data_pipeline.__version__)
