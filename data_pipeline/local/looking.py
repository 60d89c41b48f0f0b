"""The options of the commands that look: `status`, `quote`, `book`, `bars`, `gaps`; so that `--help` loads little."""

from __future__ import annotations

import argparse

from data_pipeline.market.dataset_names import IN_COVERAGE
from data_pipeline.morning.facts import SESSIONS

STATUS_EXAMPLES = """examples:
  data-pipeline status
  data-pipeline status --sessions 20
  data-pipeline status --json | python -m json.tool
  0 9 * * 1-5  data-pipeline status > status.txt || mail -s "market data" somebody@example.com < status.txt

Nothing is asked from any source, and a login that can only read is enough.
Exit codes: 0 complete and true, 1 something is missing or doubtful, 2 it cannot be told.
"""

QUOTE_EXAMPLES = """examples:
  data-pipeline quote 005930
  data-pipeline quote 005930 000660 --json
  data-pipeline quote 005930 --source mock

Without a key the emulator of the synthetic market is asked. Nothing is stored.
Exit codes: 0 it is there, 2 it could not be had.
"""

BOOK_EXAMPLES = """examples:
  data-pipeline book 005930
  data-pipeline book 005930 --json

Without a key the emulator of the synthetic market is asked. Nothing is stored.
Exit codes: 0 it is there, 2 it could not be had.
"""

BARS_EXAMPLES = """examples:
  data-pipeline bars 005930
  data-pipeline bars 005930 --first 2026-09-01 --last 2026-09-22 --adjusted
  data-pipeline bars 005930 --as-of 2026-09-14T18:00+09:00
  data-pipeline bars 005930 --minutes 30 --first 2026-09-22

Both ends of the range are included. What is missing is an error, unless --incomplete allows it.
Exit codes: 0 they are shown, 2 something is missing or it could not be done.
"""

GAPS_EXAMPLES = """examples:
  data-pipeline gaps
  data-pipeline gaps --dataset minute_bar --first 2026-09-01 --last 2026-09-30
  data-pipeline gaps --codes 005930,000660 --json

Exit codes: 0 there is none, 1 there are some, 2 it could not be found out.
"""

DAYS = 30
"""How many days `coverage` and `gaps` look back."""
BARS = 20
"""How many sessions `bars` shows when no range is named."""


def add_status_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline status`."""
    parser.epilog = STATUS_EXAMPLES
    text = f"how many of the newest final sessions are looked at (default: {SESSIONS}, as on the morning page)"
    parser.add_argument("--sessions", type=int, default=SESSIONS, metavar="SESSIONS", help=text)


def add_quote_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline quote`."""
    parser.epilog = QUOTE_EXAMPLES
    parser.add_argument("stock_code", nargs="+", help="short codes (단축코드), for example 005930")
    _add_source(parser)


def add_book_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline book`."""
    parser.epilog = BOOK_EXAMPLES
    parser.add_argument("stock_code", help="a short code (단축코드), for example 005930")
    _add_source(parser)


def add_bars_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline bars`."""
    parser.epilog = BARS_EXAMPLES
    add = parser.add_argument
    add("stock_code", help="a short code (단축코드), for example 005930")
    add(
        "--first", metavar="DAY", help=f"first session, included (default: {BARS} sessions up to the last, or the last)"
    )
    add("--last", metavar="DAY", help="last session, included (default: the last final session)")
    add("--minutes", type=int, choices=(1, 5, 30), help="bars of so many minutes (default: daily bars)")
    add("--adjusted", action="store_true", help="daily bars: prices of the newest session (default: as traded)")
    add("--as-of", metavar="MOMENT", help="daily bars: as the warehouse held them then, with its zone")
    add("--incomplete", action="store_true", help="show what is there although something is missing (default: refuse)")


def add_gaps_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline gaps`."""
    parser.epilog = GAPS_EXAMPLES
    add = parser.add_argument
    add("--dataset", choices=IN_COVERAGE, metavar="DATASET", help=f"{', '.join(IN_COVERAGE)} (default: all)")
    add("--first", metavar="DAY", help=f"first session, included (default: {DAYS} days before the last)")
    add("--last", metavar="DAY", help="last session, included (default: the last final session)")
    add("--codes", default="", metavar="CODES", help="stock codes with commas (default: all)")
    add("--rows", type=int, default=100, metavar="ROWS", help="name at most so many instruments (default: 100)")


def _add_source(parser: argparse.ArgumentParser) -> None:
    text = "auto (as the settings say; without any key the emulator), kis, krx or mock; default: auto"
    parser.add_argument("--source", default="auto", help=text)
