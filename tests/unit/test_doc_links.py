"""What the documentation points at is there: files, folders and headings; and its version is the package's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import data_pipeline

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page):
    """Every relative link of a page leads to a file or folder of the project, and to a heading where it names one."""
    assert broken(page) == []


def test_broken_links_are_found(tmp_path):
    """A link to no file and one to no heading are named; headings, code and other sites are not."""
    page = tmp_path / "page.md"
    page.write_text("# One `two`, three\n[a](gone.md) [b](#one-two-three) [c](#four) [d](https://x.kr/#y) `[e](no.md)`\n")
    assert broken(page, tmp_path) == ["gone.md", "#four"]


def test_one_version():
    """`pyproject.toml` and the package say the same version, and the changelog's first entry is about it."""
    said = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert said and said[1] == data_pipeline.__version__
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest and newest[1] == re.sub(r"\.?dev\d+$", "", data_pipeline.__version__)
