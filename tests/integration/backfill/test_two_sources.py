"""A backfill out of KRX and KIS at once: one emulator serves both wires over one synthetic market.

Facts: 17 to 22 September 2026 hold four sessions (17, 18, 21, 22). On the evening of the 22nd KRX has published three
of them. The synthetic market has 2,688 stocks on three boards, so that a session of all of them costs three calls.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count

import pytest

from data_pipeline.backfill.load import load_plan
from data_pipeline.backfill.plan import plan_backfill
from data_pipeline.backfill.sources import Sources
from data_pipeline.backfill.wish import Backfill, Wish, checked
from data_pipeline.coordination.file import FileStore
from data_pipeline.engine.many_windows import Loader
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import DailyQuotaError
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from data_pipeline.sources.mock.market import SyntheticMarket

FIRST, LAST = date(2026, 9, 17), date(2026, 9, 22)
EVENING = datetime(2026, 9, 22, 21, 40, tzinfo=SEOUL)
SESSIONS = [date(2026, 9, day) for day in (17, 18, 21, 22)]
CHART, QUOTES = "inquire-daily-itemchartprice", "intstock-multprice"
RUN = Run(run_key="test", moment=EVENING, kis_includes_after_market=False)
_keys = count()


@pytest.fixture
def make_krx(emulator, tmp_path):
    """Make sources of the exchange, all with one new key; ``clock`` is theirs."""
    key = f"TEST{next(_keys):036}"
    emulator.set_krx(daily_limit=10_000, after_market=False)

    def make(limit=10_000, at=EVENING):
        settings = KrxSettings(key, base_url=emulator.url, daily_limit=limit)
        return KRXDataSource(settings, FileStore(tmp_path / "krx"), clock=lambda: at)

    yield make
    emulator.set_krx(daily_limit=10_000, after_market=False)


@pytest.fixture
def contents(kis_list):
    """The instruments are there."""
    return kis_list


@pytest.fixture
def stocks(connection, kis):
    """Every stock that was listed in the range, no fund; the warehouse knows the calendar and the list."""
    funds = {one.stock_code for one in SyntheticMarket().instruments(LAST) if one.security_group == "EF"}
    whole = checked(connection, Wish("daily_bar", (), FIRST, LAST), "kis-sandbox", EVENING)
    return [code for code in whole.stock_codes if code not in funds]


def wanted(codes, cells="unstored", last=LAST):
    """A backfill of these codes out of KIS."""
    return Backfill("daily_bar", tuple(codes), FIRST, last, "kis-sandbox", cells)


class Shares:
    """The plan of a source, and of the exchange beside it when there is one."""

    def __init__(self, connection, backfill, source, exchange=None):
        self.sources = Sources(source, exchange)
        self.plan = plan_backfill(connection, backfill, self.sources, EVENING)
        self.lines, self.requests = self.plan.lines, self.plan.requests


def fill(connection, shares):
    """Do it with one thread, so that calls come in order; return the failures."""
    steps = load_plan(shares.plan, shares.sources.in_turn, Loader(connection, RUN, 1))
    return [step for step in steps if step.error]


def calls(emulator):
    """Daily services of KRX, charts and quotes of KIS since the log was emptied."""
    return tuple(len(emulator.requests(path=path, limit=9999)) for path in ("bydd_trd", CHART, QUOTES))


def stored(database):
    """Every bar without its source, and the sources by session."""
    bars = database.rows(
        "SELECT stock_code, session, open, high, low, close, volume, trading_value, change FROM market.daily_bar"
        " ORDER BY 1, 2"
    )
    sources = database.rows("SELECT DISTINCT session, source::text FROM market.daily_bar ORDER BY 1, 2")
    return bars, sources


def true_bars(codes, sessions):
    """What the synthetic market has, as rows of the table."""
    market = SyntheticMarket()
    bars = [market.daily_bar(code, session) for code in codes for session in sessions]
    return sorted(
        (one.stock_code, one.session, one.open, one.high, one.low, one.close, one.volume, one.trading_value, one.change)
        for one in bars
        if one is not None
    )


@pytest.mark.thorough
def test_the_whole_market_costs_three_calls_a_session(database, connection, kis, make_krx, stocks, emulator):
    """Three published sessions are nine calls; the fourth comes by quotes of KIS; every row is the market's own."""
    official = make_krx()
    shares = Shares(connection, wanted(stocks), kis, official)
    quotes, cells = 1 + -(-len(stocks) // 30), len(true_bars(stocks, SESSIONS[:3]))
    first, second = shares.lines
    assert first == (
        f"daily_bar from 2026-09-17 to 2026-09-22 out of krx-sandbox: 3 sessions, "
        f"{len(stocks):,} instruments, 9 requests, "
        f"about 0:00:06, {cells:,} rows at most; 9,991 of its calls of today stay"
    )
    assert second == (
        f"daily_bar from 2026-09-17 to 2026-09-22 out of kis-sandbox: {len(stocks):,} instruments, {quotes} requests, "
        f"about 0:00:01, {len(stocks):,} rows at most"
    )
    emulator.forget_requests()
    assert fill(connection, shares) == []
    bars, sources = stored(database)
    assert bars == true_bars(stocks, SESSIONS)
    assert sources == [(day, "krx-sandbox") for day in SESSIONS[:3]] + [(LAST, "kis-sandbox")]
    assert calls(emulator)[:2] == (9, 1)
    again = Shares(connection, wanted(stocks), kis, official)
    assert again.requests == 0


@pytest.mark.thorough
def test_calls_that_are_spent_on_the_way_leave_the_rest_to_kis(database, connection, kis, make_krx, stocks, emulator):
    """The server says no at the fifth call, in the middle of the second session: the rest is KIS's, in the same run."""
    some = stocks[:40]
    shares = Shares(connection, wanted(some), kis, make_krx())
    emulator.set_krx(daily_limit=4)
    emulator.forget_requests()
    assert fill(connection, shares) == []
    bars, sources = stored(database)
    assert bars == true_bars(some, SESSIONS)
    assert {source for session, source in sources if session == SESSIONS[0]} == {"krx-sandbox"}
    assert {source for session, source in sources if session > SESSIONS[0]} == {"kis-sandbox"}
    # The refused call is the last one of KRX; one chart call brings all three sessions of a code.
    krx, charts, _ = calls(emulator)
    assert krx <= 5
    assert charts == len(some)
    assert make_krx().client.quota.left() == 0


def test_own_count_of_calls_bounds_the_plan(connection, kis, make_krx, stocks):
    """With three calls left, one session (the newest published one) is KRX's, and the others are KIS's."""
    boards = {one.stock_code: one.market for one in SyntheticMarket().instruments(LAST)}
    some = [code for code in stocks if boards.get(code) == "KONEX"][:20]
    shares = Shares(connection, wanted(some, last=SESSIONS[0]), kis, make_krx(limit=3))
    assert "1 sessions, 20 instruments, 3 requests" in shares.lines[0]
    assert "; 0 of its calls of today stay" in shares.lines[0]
    none = Shares(connection, wanted(some, last=SESSIONS[0]), kis, make_krx(limit=2))
    assert "0 sessions, 0 instruments, 0 requests" in none.lines[0]
    assert "20 instruments, 20 requests" in none.lines[1]


@pytest.mark.thorough
def test_the_exchange_alone_stops_and_says_when_to_go_on(database, connection, make_krx, stocks):
    """Without KIS the sessions that fit are loaded; the error is one sentence, and the next day goes on from there."""
    some, only = stocks[:40], Backfill("daily_bar", tuple(stocks[:40]), FIRST, SESSIONS[2], "krx-sandbox")
    first = make_krx(limit=6)
    shares = Shares(connection, only, first)
    cost = shares.requests // 3
    today = 6 // cost
    left = f"{today} sessions today, the other {3 - today} from 00:00 in Seoul on: krx-sandbox has 6 calls left today"
    assert shares.lines[0].endswith(left)
    with pytest.raises(DailyQuotaError, match="are spent; the next day begins at 00:00 in Seoul"):
        fill(connection, shares)
    assert stored(database)[0] == true_bars(some, SESSIONS[:today])
    tomorrow = Shares(connection, only, make_krx(limit=6, at=EVENING + timedelta(days=1)))
    assert tomorrow.requests == (3 - today) * cost
    assert fill(connection, tomorrow) == []
    assert stored(database)[0] == true_bars(some, SESSIONS[:3])


@pytest.mark.thorough
def test_a_session_that_the_exchange_cannot_serve_is_kiss(database, connection, kis, make_krx, stocks, emulator):
    """An answer that is cut off is no failure of the run: KIS has that session."""
    some = stocks[:40]
    shares = Shares(connection, wanted(some, last=SESSIONS[1]), kis, make_krx())
    emulator.set_faults({"kind": "truncated", "path": "stk_bydd_trd", "count": 1})
    assert fill(connection, shares) == []
    bars, sources = stored(database)
    assert bars == true_bars(some, SESSIONS[:2])
    assert len({source for _, source in sources}) == 2


@pytest.mark.thorough
def test_official_bars_over_stored_ones_are_listed(database, connection, kis, make_krx, stocks, emulator):
    """What is stored from KIS is not asked for again, unless all is; then the list has what differs of those codes."""
    some = stocks[:40]
    whole = wanted(stocks[:45], last=SESSIONS[1])
    assert fill(connection, Shares(connection, whole, kis)) == []
    emulator.set_krx(after_market=True)
    assert Shares(connection, whole, kis, make_krx()).requests == 0
    everything = Shares(connection, wanted(some, "all", SESSIONS[1]), kis, make_krx())
    assert fill(connection, everything) == []
    sources = "SELECT source::text, count(DISTINCT stock_code)::int FROM market.daily_bar GROUP BY 1 ORDER BY 1"
    assert database.rows(sources) == [("kis-sandbox", 5), ("krx-sandbox", 40)]
    found = database.rows("SELECT kind, expected, count(*) > 20 FROM market.reconciliation GROUP BY 1, 2 ORDER BY 1")
    assert found == [("trading_value", True, True), ("volume", True, True)]
    assert database.rows("SELECT count(*) FROM market.reconciliation WHERE NOT stock_code = ANY(%s)", some) == [(0,)]


@pytest.fixture
def both(settings, emulator):
    """The variables of both keys, for the command."""
    return {**settings, "KRX_API_KEY": f"TEST{next(_keys):036}", "KRX_API_BASE_URL": emulator.url}


@pytest.mark.thorough
def test_the_command_says_the_plan(command, both, emulator, database):
    """A dry run shows a line for each source and asks nothing; ``--source kis`` asks KIS alone."""
    command.environment |= both
    ((issues,),) = database.rows(
        "SELECT count(*) FROM market.instrument WHERE listed_on <= '2026-09-17' AND delisted_on IS NULL"
    )
    emulator.forget_requests()
    line = ("backfill", "--dataset", "daily_bar", "--first", "2026-09-17", "--last", "2026-09-17", "--dry-run")
    code, output = command.run(*line)
    assert code == 0
    first, second = output.splitlines()
    assert first == (
        f"daily_bar from 2026-09-17 to 2026-09-17 out of krx-sandbox: 1 sessions, {issues:,} instruments, 4 requests, "
        f"about 0:00:02, {issues:,} rows at most; 9,996 of its calls of today stay"
    )
    assert second.endswith("out of kis-sandbox: 0 instruments, 0 requests, about 0:00:00, 0 rows at most")
    code, output = command.run(*line, "--source", "kis")
    assert f"out of kis-sandbox: {issues:,} instruments, {issues:,} requests" in output
    code, output = command.run(*line, "--source", "krx")
    assert "out of krx-sandbox" in output
    assert "; 9,996 of its calls of today stay" in output
    assert emulator.summary()["total"] == 0


@pytest.mark.thorough
def test_the_command_takes_whole_days_of_the_exchange(command, both, emulator, database):
    """Forty instruments of one session: at most three calls, no chart, and the rows are the exchange's."""
    command.environment |= both
    rows = database.rows("SELECT stock_code FROM market.instrument WHERE security_group = 'ST' ORDER BY 1 LIMIT 40")
    codes = [code for (code,) in rows]
    emulator.forget_requests()
    line = ("backfill", "--dataset", "daily_bar", "--first", "2026-09-17", "--last", "2026-09-17")
    code, output = command.run(*line, "--codes", ",".join(codes))
    assert code == 0, output
    assert "Everything of the range is there." in output
    bars, sources = stored(database)
    assert bars == true_bars(codes, [FIRST])
    assert sources == [(FIRST, "krx-sandbox")]
    assert calls(emulator)[1] == 0
