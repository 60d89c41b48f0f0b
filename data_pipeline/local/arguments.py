"""The options of the commands that fill and count; separate from what those do, so that `--help` loads little."""

from __future__ import annotations

import argparse

from data_pipeline.datasets import DATASETS, IN_COVERAGE, WITH_PAST
from data_pipeline.local.looking import DAYS

BACKFILL_EXAMPLES = """examples:
  data-pipeline backfill --dataset daily_bar --first 2024-01-02 --dry-run
  data-pipeline backfill --dataset daily_bar --first 2024-01-02 --last 2024-12-30
  data-pipeline backfill --dataset daily_bar --first 2024-01-02 --source krx --dry-run
  data-pipeline backfill --dataset minute_bar --first 2026-09-01 --codes 005930,000660
  data-pipeline backfill --dataset instrument --first 2010-01-04 --source krx --dry-run
  data-pipeline backfill --dataset trading_session --first 2026-09-01

A backfill that was stopped goes on where it was: only what is not stored yet is asked for.
Exit codes: 0 everything is there, 1 something of the range is still missing, 2 it could not be done.
"""

COVERAGE_EXAMPLES = """examples:
  data-pipeline coverage
  data-pipeline coverage --dataset minute_bar --first 2026-09-01 --last 2026-09-30

Exit codes: 0 nothing is missing, 1 something is, 2 it could not be found out.
"""

VERIFY_EXAMPLES = """examples:
  data-pipeline verify
  data-pipeline verify --dataset daily_bar --first 2024-01-02 --last 2024-12-30
  data-pipeline verify --json
  data-pipeline verify --explain 005930 2024-09-20

Nothing is asked from any source, and a login that can only read is enough.
Exit codes: 0 everything is as it was sealed and proved, 1 something is not, 2 it could not be done.
"""

ARCHIVE_EXAMPLES = """examples:
  data-pipeline archive                      say what the KEEP_..._MONTHS settings let go; changes nothing
  data-pipeline archive --dataset minute_bar --keep 24
  data-pipeline archive --dataset minute_bar --keep 24 --to /srv/archive          write the files, drop nothing
  data-pipeline archive --dataset minute_bar --keep 24 --to /srv/archive --drop   write, prove, then drop
  data-pipeline archive --dataset price_snapshot --keep 3 --without-file --drop   let the rows go for good

Only months that are over and as they were sealed are dropped; it needs the owner's login. Name the folder in
ARCHIVE_FOLDER so that reading, export and verify find the files. It may be stopped at any time and run again.
Exit codes: 0 done, or nothing to do; 1 some months stay, and it says why; 2 it could not be done.
"""

UNARCHIVE_EXAMPLES = """examples:
  data-pipeline unarchive minute_bar 2024-03                 out of the file under ARCHIVE_FOLDER
  data-pipeline unarchive minute_bar 2024-03 2024-04 --from /srv/archive

A month comes back only as it was sealed, whole or not at all, and needs the owner's login. Its file stays.
Exit codes: 0 it is stored, 1 some months stay archived, and it says why; 2 it could not be done.
"""

BACKUP_EXAMPLES = """examples:
  data-pipeline backup /srv/backups/market-2026-12-01.dump
  data-pipeline backup /srv/backups/market-2026-12-01 --jobs 4       a folder, four tables at a time

It holds the schema `market` with every row, seal and proof, and names its roles; passwords, archived months
(ARCHIVE_FOLDER) and Airflow's own database are not in it. Beside a file stands FILE.json: keep both.
Exit codes: 0 it is written, 2 nothing was written.
"""

RESTORE_EXAMPLES = """examples:
  data-pipeline restore /srv/backups/market-2026-12-01.dump          into the warehouse that MARKET_DB_URL names

The database must not hold a warehouse yet. It happens whole or not at all, and migrates what is of an older version.
Exit codes: 0 everything came back, 1 not all of what the backup told of, 2 nothing was restored.
"""

METRICS_PORT = 9464
METRICS_EXAMPLES = """examples:
  data-pipeline metrics                    serve http://127.0.0.1:9464/metrics until it is stopped
  data-pipeline metrics --once             print the figures and end, for cron and node_exporter's textfile collector
  data-pipeline metrics --once --json

It needs no Airflow, and a login that can only read. What does not answer is a figure of 0 and no error.
"""

STREAM_EXAMPLES = """examples:
  data-pipeline stream                                    trades and order books of the watch list, until it is stopped
  data-pipeline stream --codes 005930,000660 --venues KRX,NXT
  data-pipeline stream --kinds trade,market_operation
  data-pipeline stream --demo                             half a minute of the synthetic market; needs nothing

Two of them may run for one app key: the second waits until the first ends, and takes over. SIGTERM ends it within five
seconds, with all that was received written. It connects as KIS asks for: after a short session it waits, and after ten
in a row it ends until it is started with --resume.
Exit codes: 0 it was stopped and wrote all, 2 it could not be done, or not any more.
"""

EXPORTS = {
    one.frame.name: one.name
    for one in DATASETS.values()
    if one.frame and (one.by_code or one.has_cells or one.name == "instrument")
}
"""What `data-pipeline export` writes, and the dataset that it is of; instruments have no range of sessions."""

EXPORT_EXAMPLES = """examples:
  data-pipeline export daily_bars --first 2024-01-02 --last 2024-12-30 --adjusted -o bars.parquet
  data-pipeline export daily_bars --first 2024-01-02 --last 2024-12-30 --as-of 2025-01-31T18:00+09:00 -o then.parquet
  data-pipeline export minute_bars --minutes 5 --codes 005930 --first 2026-09-01 --last 2026-09-22 -o five.parquet
  data-pipeline export instruments --on 2026-09-22 -o listed.parquet

Both ends of the range are included. The file appears under its name when it is whole, and memory does not grow with it.
Exit codes: 0 the file is written, 2 it could not be done and nothing was written.
"""


def add_backfill_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline backfill`."""
    parser.epilog, parser.formatter_class = BACKFILL_EXAMPLES, argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add(
        "--dataset",
        required=True,
        help="; ".join(f"{name}: {DATASETS[name].title}" for name in WITH_PAST),
    )
    add("--first", required=True, metavar="DAY", help="first day, included, for example 2024-01-02")
    add("--last", metavar="DAY", help="last day, included (default: the last session whose figures are final)")
    add("--codes", default="", metavar="CODES", help="stock codes with commas (default: every listed instrument)")
    add(
        "--source",
        default="auto",
        help="auto (as DATA_SOURCE_TYPE or the credentials say, without any the emulator of run and up, and daily bars "
        "from KRX where its key exists and that is cheaper), kis, krx or mock; default: auto",
    )
    add("--window-rows", type=int, default=50_000, metavar="ROWS", help="rows that a kill may cost (default: 50,000)")
    add("--dry-run", action="store_true", help="only say what it would cost: requests, time and rows")
    add("--refetch", action="store_true", help="ask also for what is stored already")
    add("--confirm-large", action="store_true", help="needed when it takes more than 5 million requests")


def add_coverage_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline coverage`."""
    parser.epilog, parser.formatter_class = COVERAGE_EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--dataset", help=f"{' or '.join(IN_COVERAGE)} (default: all)")
    parser.add_argument("--first", metavar="DAY", help=f"first day, included (default: {DAYS} days before the last)")
    parser.add_argument("--last", metavar="DAY", help="last day, included (default: the last final session)")


def add_verify_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline verify`."""
    parser.epilog, parser.formatter_class = VERIFY_EXAMPLES, argparse.RawDescriptionHelpFormatter
    sealed = " or ".join(name for name, one in DATASETS.items() if one.table.partitioned)
    parser.add_argument("--dataset", help=f"{sealed} (default: all)")
    parser.add_argument("--first", metavar="DAY", help="first session, included (default: the oldest there is)")
    parser.add_argument("--last", metavar="DAY", help="last session, included (default: the newest there is)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument(
        "--explain",
        nargs=2,
        metavar=("CODE", "DAY"),
        help="only say what proves the cells of an instrument on a session, or why they are not proved",
    )
    parser.add_argument(
        "--seal-again",
        action="store_true",
        help="seal what differs as it stands now, after a repair or a change that was meant; needs the owner's login",
    )


def add_archive_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline archive`."""
    parser.epilog, parser.formatter_class = ARCHIVE_EXAMPLES, argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    archivable = [name for name, one in DATASETS.items() if one.archive]
    add("--dataset", choices=archivable, metavar="DATASET", help=f"{', '.join(archivable)} (default: all)")
    add("--keep", type=int, metavar="MONTHS", help="keep so many months before this one (default: as the settings say)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--to", metavar="DIR", help="write each month into a Parquet file under this folder, and prove it"
    )
    where.add_argument("--without-file", action="store_true", help="with --drop: keep the rows nowhere")
    add("--drop", action="store_true", help="drop the months from Postgres, after their files are proved")
    add("--incomplete", action="store_true", help="drop also months of which coverage still lacks something")
    add("--json", action="store_true", help="print one JSON object instead of a table")


def add_unarchive_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline unarchive`."""
    parser.epilog, parser.formatter_class = UNARCHIVE_EXAMPLES, argparse.RawDescriptionHelpFormatter
    archivable = [name for name, one in DATASETS.items() if one.archive]
    parser.add_argument("dataset", choices=archivable, metavar="DATASET", help=", ".join(archivable))
    parser.add_argument("month", nargs="+", metavar="MONTH", help="for example 2024-03")
    parser.add_argument("--from", dest="folder", metavar="DIR", help="the folder of the files (ARCHIVE_FOLDER)")


def add_backup_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline backup`."""
    parser.epilog, parser.formatter_class = BACKUP_EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("path", metavar="FILE|DIR", help="the file, or with --jobs the folder; neither is there yet")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="tables at a time, into a folder (default: 1)")


def add_restore_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline restore`."""
    parser.epilog, parser.formatter_class = RESTORE_EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("path", metavar="FILE|DIR", help="what `data-pipeline backup` wrote")


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline export`."""
    parser.epilog, parser.formatter_class = EXPORT_EXAMPLES, argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("dataset", choices=EXPORTS, metavar="DATASET", help=", ".join(EXPORTS))
    add("-o", "--output", required=True, metavar="FILE", help="the Parquet file to write")
    add("--first", metavar="DAY", help="first session, included, for example 2024-01-02")
    add("--last", metavar="DAY", help="last session, included")
    add("--codes", metavar="CODES", help="stock codes with commas (default: the whole market)")
    add("--adjusted", action="store_true", help="daily_bars: prices of the newest session (default: as traded)")
    add(
        "--as-of",
        metavar="MOMENT",
        help="daily_bars: as the warehouse held them then, for example 2026-09-14T18:00+09:00",
    )
    add("--minutes", type=int, choices=(1, 5, 30), help="minute_bars: how long a bar is (default: 1)")
    add(
        "--on", metavar="DAY", help="instruments: those listed on this day, as they stood then (default: all ever seen)"
    )
    add("--incomplete", action="store_true", help="write what is there although something is missing (default: refuse)")
    add("--force", action="store_true", help="replace a file that is there")
    add("--timeout", type=int, default=3600, metavar="SECONDS", help="stop it after this (default: 3600)")


def add_metrics_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline metrics`."""
    parser.epilog, parser.formatter_class = METRICS_EXAMPLES, argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    port = f"serve on this port of 127.0.0.1; 0 takes a free one (default: {METRICS_PORT})"
    add("--port", type=int, default=METRICS_PORT, help=port)
    add("--once", action="store_true", help="print the figures in Prometheus's text format and end")
    add("--json", action="store_true", help="with --once: print one JSON array instead: name, value and labels of each")
    days = f"how far the window of coverage reaches back from the newest final session (default: {DAYS})"
    add("--days", type=int, default=DAYS, help=days)
    add(
        "--timeout",
        type=int,
        default=30,
        metavar="SECONDS",
        help="stop a question to the warehouse after this (default: 30)",
    )


def add_replay_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline replay`."""
    add = parser.add_argument
    add("session", metavar="SESSION", help="the stored day, for example 2026-11-20")
    add("--codes", default="", metavar="CODES", help="stock codes with commas (default: all that are stored)")
    add("--speed", type=float, default=1.0, metavar="TIMES", help="how many times as fast as it was (default: 1)")
    add("--port", type=int, default=0, help="serve on this port of 127.0.0.1; 0 takes a free one (default)")


def add_stream_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `data-pipeline stream`."""
    parser.epilog, parser.formatter_class = STREAM_EXAMPLES, argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--codes", default="", metavar="CODES", help="stock codes with commas (default: WATCH_LIST)")
    kinds = "trade, order_book, market_operation, expected_price, with commas, most important first"
    add("--kinds", metavar="KINDS", help=f"{kinds} (default: STREAM_KINDS, else trade,order_book)")
    add("--venues", metavar="VENUES", help="KRX, NXT, UNIFIED, with commas (default: STREAM_VENUES, else KRX)")
    add("--seconds", type=float, metavar="SECONDS", help="end after this, and say what came (default: never)")
    add("--resume", action="store_true", help="connect again after ten short sessions had stopped it")
    add("--demo", action="store_true", help="play the synthetic market's last session from ten o'clock on")
