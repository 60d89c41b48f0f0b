"""Examples of the commands that need no more than a line or two; the others bring their own."""

from __future__ import annotations

_EXAMPLES = {
    "run": ("run", "run --json"),
    "up": ("up", "up --executor celery --workers 2", "up --json"),
    "cache": ("cache clear",),
    "down": ("down", "down --delete            also delete the database and everything that was kept"),
    "migrate": ("migrate --dry-run        say what it would do to stored rows", "migrate"),
    "budget": (
        "budget",
        "budget --forget          forget what rejections taught, and try the configured quota at once",
    ),
    "sql": (
        """sql "SELECT session, close FROM daily_bar WHERE stock_code = '005930' ORDER BY session DESC LIMIT 5\"""",
        'sql --csv "SELECT * FROM coverage WHERE missing > 0" > missing.csv',
    ),
    "quarantine": ("quarantine list", "quarantine retry", "quarantine retry 12 13"),
    "mcp": ("mcp --json               say which questions there are", "mcp"),
    "replay": ("replay 2026-11-20", "replay 2026-11-20 --speed 100"),
    "adjust": ("adjust", "adjust 005930 000660"),
    "completion": (
        'completion bash          in ~/.bashrc: eval "$(data-pipeline completion bash)"',
        'completion zsh           in ~/.zshrc:  eval "$(data-pipeline completion zsh)"',
    ),
    "calendar show": ("calendar show 2026",),
    "calendar year": ('calendar year 2028 closed-days.csv --source "closed days published by the exchange"',),
    "calendar close": (
        'calendar close 2028-03-03 "Temporary holiday" --source "notice of the exchange of 2028-01-15"',
    ),
    "calendar open": ('calendar open 2028-05-02 --source "notice of the exchange of 2028-04-01"',),
    "calendar late": ('calendar late 2027-11-18 --source "date of the examination, ministry of education"',),
    "calendar undo": ("calendar undo 2028-03-03",),
}


def examples(name: str) -> str:
    """Return the examples of a command (``data-pipeline run``), to stand under its help."""
    lines = [f"  data-pipeline {line}" for line in _EXAMPLES[name.partition(" ")[2]]]
    return "\n".join(
        [
            "examples:",
            *lines,
            "",
            "Exit codes: 0 it is done, 1 something is missing or refused, 2 it could not be done.",
        ]
    )
