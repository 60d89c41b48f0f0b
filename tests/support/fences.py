"""The fenced commands of README and docs: which there are, which are run, and which are only checked for syntax."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.support.project import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "README.ko.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
COMMANDS = ("bash", "sh", "python", "sql")
KINDS = {
    "docker": "needs Docker",
    "kubernetes": "needs Kubernetes",
    "key": "needs a real key",
    "root": "changes the machine, or installs into a Python",
    "postgres": "needs a Postgres of the reader's own",
    "airflow": "needs an Airflow beside it, which other tests start",
    "stays": "runs until it is stopped, and has tests of its own",
    "file": "needs a file, or numbers, of the reader's own",
    "long": "takes minutes of a quota, or hours",
    "suite": "is what runs this test",
    "settings": "is no command, but lines of .env or of a program",
}
"""What a block may be marked with, by ``<!-- checked only: KIND -->`` in the line above it."""
_FENCE = re.compile(
    r"(?:^ *<!-- checked only: (?P<kind>\w+) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    text: str
    kind: str
    """Why it is only checked for syntax; empty when it is run."""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def lines(self) -> list[str]:
        """The commands of bash, those on several lines in one piece, without comments."""
        joined = re.sub(r"\s*\\\n\s*", " ", self.text)
        found: list[str] = []
        for line in joined.splitlines():
            if found and _is_open(found[-1]):
                found[-1] += f"\n{line}"
            elif line.strip() and not line.strip().startswith("#"):
                found.append(line)
        return found


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in a language that is run, in order."""
    text = page.read_text("utf-8")
    return [
        Block(
            page, text.count("\n", 0, one.start("text")), one["language"],
            re.sub(rf"^{one['indent']}", "", one["text"], flags=re.MULTILINE), one["kind"] or "",
        )
        for one in _FENCE.finditer(text)
        if one["language"] in COMMANDS
    ]  # fmt: skip


def _is_open(line: str) -> bool:
    """Whether a quote of the line goes on in the next one, or it ends with ``&&``."""
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return True
    return line.rstrip().endswith("&&")
