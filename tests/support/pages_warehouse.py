"""What the tests of the pages store: two instruments, one week of September, and texts from outside."""

from __future__ import annotations

SAMSUNG, LETTERS = "005930", "0001A0"
INSTRUMENT = (
    "INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, listed_from,"
    " halted, managed, liquidation, preferred, source) VALUES (%s, 'KR7005930003', %s, 'KOSPI', 'ST', '2026-09-18',"
    " '2026-09-01', '2026-09-01', false, false, false, false, 'mock')"
)
HISTORY = (
    "INSERT INTO market.instrument_history (stock_code, valid_from, valid_to, isin, name, market, security_group,"
    " listed_shares, halted, managed, liquidation, preferred, source, loaded_at) VALUES (%s, %s, %s, 'KR7005930003',"
    " %s, 'KOSPI', 'ST', 1000, false, false, false, false, 'mock', '2026-09-10T07:30+09:00')"
)
BAR = (
    "INSERT INTO market.daily_bar (stock_code, session, open, high, low, close, volume, trading_value, change, source)"
    " VALUES (%s, %s, 100, 140, 90, %s, 7, 700, %s, 'mock')"
)
RUN = (
    "INSERT INTO market.ingest_run (dataset, source, dag_id, task_id, map_index, run_key, first, last, status,"
    " lease_until, error, unknown_fields) VALUES ('daily_bar', 'mock', 'daily_bars', 'load',"
    " 2, 'scheduled__1', '2026-09-15', '2026-09-16', 'running', 'infinity', %s, %s)"
)
FAIL = "UPDATE market.ingest_run SET status = 'failed', finished_at = started_at WHERE status = 'running'"
"""It ended when it began, whatever the server's clock says."""
REFUSED = (
    "INSERT INTO market.rejected_row (dataset, stock_code, session, payload, reason, source, origin)"
    " VALUES ('daily_bar', %s, %s, '{}', %s, 'mock', 'record')"
)

TRADE = (
    "INSERT INTO market.trade (venue, stock_code, session, cumulative_volume, traded_at, price, volume, side,"
    " market_class, hour_class, session_class, filled, source)"
    " VALUES (%s, %s, '2026-09-18', %s, %s, %s, 5, 'buy', '20', '0', '2', false, 'mock')"
)
GAP = (
    "INSERT INTO market.stream_gap (venue, stock_code, session, volume_after, volume_until, kind, until, status,"
    " source) VALUES ('KRX', %s, '2026-09-18', 1000, 1070, 'jump', '2026-09-18 09:59+09', 'open', 'mock')"
)
BOOK = (
    "INSERT INTO market.order_book (stock_code, observed_at, session, stock_name, bid_prices, bid_volumes, ask_prices,"
    " ask_volumes, total_bid_volume, total_ask_volume, source, venue) VALUES (%s, %s, '2026-09-18', '', '{118,117}',"
    " '{5,10}', '{119,120}', '{20,1}', 15, 21, 'mock', %s)"
)
BEAT = (
    "INSERT INTO market.stream_heartbeat (host, fingerprint, at, lag, queue, state)"
    " VALUES ('here', 'abcd1234', '2026-09-18 09:59:58+09', 0.25, 7, 'up')"
)


def fill(cursor, name="이름", error="the server answered 500", reason="limit: closed above its limit"):
    """Store what the facts say, with these texts from outside."""
    cursor.execute("SELECT market.admit_source('mock')")
    cursor.execute("SELECT market.ensure_partitions('daily_bar', '2026-09-01', '2026-09-30')")
    cursor.execute("DELETE FROM market.calendar_session WHERE session NOT BETWEEN '2026-09-14' AND '2026-09-18'")
    for code, called in ((SAMSUNG, "삼성전자"), (LETTERS, name)):
        cursor.execute(INSTRUMENT, (code, called))
        cursor.execute(HISTORY, (code, "2026-09-10", None, called))
        cursor.execute("INSERT INTO market.coverage_start VALUES ('daily_bar', %s, '2026-09-14')", (code,))
        for number in range(14, 19):
            if (code, number) not in ((LETTERS, 15), (LETTERS, 16)):
                cursor.execute(BAR, (code, f"2026-09-{number}", 100 + number, 1 if number > 14 else 0))
    cursor.execute(RUN, (error, '{"output.new_field": 3}'))
    cursor.execute(FAIL)
    cursor.execute(REFUSED, (LETTERS, "2026-09-16", reason))


def fill_stream(cursor):
    """Store a stream of the 18th: one instrument at two venues, one of which brought a trade, a gap and two books."""
    for dataset in ("trade", "order_book"):
        cursor.execute("SELECT market.ensure_partitions(%s, '2026-09-01', '2026-09-30')", (dataset,))
    for venue in ("KRX", "NXT"):
        cursor.execute(
            "INSERT INTO market.stream_watch (session, venue, stock_code) VALUES ('2026-09-18', %s, %s)",
            (venue, SAMSUNG),
        )
    cursor.execute(TRADE, ("KRX", SAMSUNG, 1000, "2026-09-18 09:59:48+09", 118))
    cursor.execute(GAP, (SAMSUNG,))
    cursor.execute(BOOK, (SAMSUNG, "2026-09-18 09:59:50+09", "KRX"))
    cursor.execute(BOOK, (SAMSUNG, "2026-09-18 09:59:55+09", "NXT"))
    cursor.execute(BEAT)
