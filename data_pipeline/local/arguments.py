"""The options of the commands that fill and count; apart from what they do, so that `--help` loads little."""

from __future__ import annotations

import argparse

from data_pipeline.loading.coverage import DATASETS

DAYS = 30
"""How many days `data-pipeline coverage` looks back."""

BACKFILL_EXAMPLES = """examples:
  data-pipeline backfill --dataset daily_bar --first 2024-01-02 --dry-run
  data-pipeline backfill --dataset daily_bar --first 2024-01-02 --last 2024-12-30
  data-pipeline backfill --dataset minute_bar --first 2026-09-01 --codes 005930,000660

A backfill that was stopped goes on where it was: only what is not stored yet is asked for.
Exit codes: 0 everything is there, 1 something of the range is still missing, 2 it could not be done.
"""

COVERAGE_EXAMPLES = """examples:
  data-pipeline coverage
  data-pipeline coverage --dataset minute_bar --first 2026-09-01 --last 2026-09-30

Exit codes: 0 nothing is missing, 1 something is, 2 it could not be found out.
"""


def add_backfill_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline backfill`."""
    parser.epilog, parser.formatter_class = BACKFILL_EXAMPLES, argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--dataset", required=True, help=" or ".join(DATASETS))
    add("--first", required=True, metavar="DAY", help="first day, included, for example 2024-01-02")
    add("--last", metavar="DAY", help="last day, included (default: the last session whose figures are final)")
    add("--codes", default="", metavar="CODES", help="stock codes with commas (default: every listed issue)")
    add("--source", help="kis or mock (default: as DATA_SOURCE_TYPE or the credentials say)")
    add("--window-rows", type=int, default=50_000, metavar="ROWS", help="rows that a kill may cost (default: 50,000)")
    add("--dry-run", action="store_true", help="only say what it would cost: requests, time and rows")
    add("--refetch", action="store_true", help="ask also for what is stored already")
    add("--confirm-large", action="store_true", help="needed when it takes more than 5 million requests")


def add_coverage_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline coverage`."""
    parser.epilog, parser.formatter_class = COVERAGE_EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--dataset", help=f"{' or '.join(DATASETS)} (default: both)")
    parser.add_argument("--first", metavar="DAY", help=f"first day, included (default: {DAYS} days before the last)")
    parser.add_argument("--last", metavar="DAY", help="last day, included (default: the last final session)")
