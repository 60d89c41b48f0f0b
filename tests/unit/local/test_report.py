"""The tables that people read after a run."""

from rich.console import Console

from data_pipeline.local.report import Gap, Loaded, gap_table, loaded_table


def printed(table) -> str:
    """Return the table as a terminal of 80 columns shows it."""
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_the_table_fits_into_eighty_columns():
    """Nothing is cut off, however large the numbers."""
    rows = [Loaded("backfill", "daily_bar", "kis-sandbox", 1_250_000, 0, 1_250_000, 135_000, 7500.0, 0)]
    text = printed(loaded_table(rows, 18))
    assert "daily_bar, history" in text
    assert "2,500,000" in text
    assert "135,000" in text
    assert "100%" in text
    assert "…" not in text


def test_the_share_of_the_quota_is_what_was_sent_of_what_could_be():
    """Of 109 requests that fit into 6 seconds at 18 a second, 90 are 83 %."""
    text = printed(loaded_table([Loaded("daily_bars", "daily_bar", "kis", 2700, 0, 0, 90, 6.0, 0)], 18))
    assert "83%" in text


def test_a_handful_of_requests_has_no_share():
    """Less than one second's quota says nothing of how well it was used."""
    text = printed(loaded_table([Loaded("market_reference", "trading_session", "kis", 24, 0, 0, 1, 0.1, 0)], 18))
    assert "%" not in text


def test_what_is_missing_is_counted():
    """Each kind has its line, also when nothing is missing."""
    text = printed(gap_table([Gap("today's bars", 12), Gap("history", 0)]))
    assert [line.split() for line in text.splitlines() if "bars" in line or "history" in line] == [
        ["today's", "bars", "12"],
        ["history", "0"],
    ]
