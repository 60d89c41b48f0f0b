"""One session of the emulated stream follows KIS's protocol, and ends where KIS ends it."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise

import pytest

from data_pipeline.emulator.kis.stream.rules import StreamRules
from data_pipeline.emulator.kis.stream.talk import End
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.sources.kis.stream.fields import FEEDS
from tests.support.live_emulator import APP_KEY, STAGE, House, codes, records

TRADE = FEEDS["H0STCNT0"].positions


def number(row, name, places=TRADE):
    """A field of a record."""
    return int(row[places[name]])


@pytest.mark.thorough
def test_registering_ending_and_both_twice(house):
    """0000, 0002, 0001, 0003, as KIS answers them."""
    talk = house.talk()
    said = [house.ask(talk), house.ask(talk), house.ask(talk, ends=True), house.ask(talk, ends=True)]
    assert said == [["OPSP0000"], ["OPSP0002"], ["OPSP0001"], ["OPSP0003"]]


def test_nothing_comes_before_the_next_trade(house):
    """There is no snapshot after a registration."""
    talk = house.talk()
    assert house.ask(talk) == ["OPSP0000"]
    assert records(talk.due()) == []


def test_the_trades_of_a_session_come_whole_and_in_order(house):
    """From one registration on each counter rises by its trade, and the last stands where the tape stands."""
    talk = house.talk()
    house.ask(talk)
    rows = records(house.pass_time(talk, 60, 0.5))
    assert len(rows) > 30
    assert {len(row) for row in rows} == {47}
    for before, now in pairwise(rows):
        volume = number(now, "CNTG_VOL")
        assert number(now, "ACML_VOL") - number(before, "ACML_VOL") == volume
        assert number(now, "ACML_TR_PBMN") - number(before, "ACML_TR_PBMN") == volume * number(now, "STCK_PRPR")
        assert sum(number(now, one) - number(before, one) for one in ("SELN_CNTG_CSNU", "SHNU_CNTG_CSNU")) == 1
        assert sum(number(now, one) - number(before, one) for one in ("SELN_CNTG_SMTN", "SHNU_CNTG_SMTN")) == volume
    ten = 10 * 3_600_000
    tape = STAGE.tape("005930", datetime(2026, 11, 20).date(), FEEDS["H0STCNT0"].venue)
    assert [number(row, "ACML_VOL") for row in rows] == [
        one.cumulative_volume for one in tape.between(ten, ten + 60_000)
    ]


@pytest.mark.thorough
def test_the_open_comes_in_frames_of_several_records():
    """At most six; a large part of the volume is in the second and later ones."""
    house = House(datetime(2026, 11, 20, 8, 59, 59))
    talk = house.talk()
    house.ask(talk)
    said = [one for one in house.pass_time(talk, 30, 0.25) if isinstance(one, str) and one[0] == "0"]
    sizes = [int(one.split("|")[2]) for one in said]
    assert (min(sizes), max(sizes)) == (1, 6)
    rows = records(said)
    assert (rows[0][TRADE["STCK_CNTG_HOUR"]], rows[0][TRADE["CCLD_DVSN"]]) == ("090000", "3")


def test_the_book_beside_a_trade_has_its_quotes(house):
    """The best ask and bid of a trade's record are those of the book with the same running volume."""
    talk = house.talk()
    house.ask(talk, "H0STCNT0")
    house.ask(talk, "H0STASP0")
    said = house.pass_time(talk, 30, 0.5)
    places = FEEDS["H0STASP0"].positions
    books = {row[places["ACML_VOL"]]: row for row in records(said, "H0STASP0")}
    assert {len(row) for row in books.values()} == {63}
    shared = [(row, books[row[TRADE["ACML_VOL"]]]) for row in records(said) if row[TRADE["ACML_VOL"]] in books]
    assert len(shared) > 5
    for trade, book in shared:
        for name in ("ASKP1", "BIDP1", "ASKP_RSQN1", "BIDP_RSQN1", "TOTAL_ASKP_RSQN", "TOTAL_BIDP_RSQN"):
            assert trade[TRADE[name]] == book[places[name]]
        assert book[places["ANTC_CNPR"]] == "0"


@pytest.mark.thorough
@pytest.mark.parametrize(("tr_id", "width"), [(one.tr_id, one.width) for one in FEEDS.values()])
def test_every_feed_has_its_width(tr_id, width):
    """Trades, books, expected prices and the state of the market, at each venue, over a closing auction."""
    house = House(datetime(2026, 11, 20, 15, 19, 50))
    talk = house.talk()
    assert house.ask(talk, tr_id) == ["OPSP0000"]
    rows = records(house.pass_time(talk, 12, 1), tr_id)
    assert rows
    assert {len(row) for row in rows} == {width}


def test_the_virtual_server_has_trades_and_books_of_krx_only(house):
    """Everything else is an invalid tr_id there."""
    talk = house.talk(virtual=True)
    heard = {tr_id: house.ask(talk, tr_id)[0] for tr_id in FEEDS}
    assert [tr_id for tr_id, code in heard.items() if code == "OPSP0000"] == ["H0STCNT0", "H0STASP0"]
    assert set(heard.values()) == {"OPSP0000", "OPSP8991"}


def test_the_limit_of_registrations(house):
    """41, or what it is set to; who leaves makes room."""
    house.desk.rules = StreamRules(limit=3)
    talk = house.talk()
    listed = ("005930", "000660", "035420", "005380")
    assert [house.ask(talk, key=key)[0] for key in listed] == ["OPSP0000"] * 3 + ["OPSP0008"]
    house.ask(talk, key="005930", ends=True)
    assert house.ask(talk, key="005380") == ["OPSP0000"]


def test_a_second_session_of_a_key_is_refused(house):
    """Until the first one ends; a new approval key frees nothing, and another app key has its own."""
    first, second = house.talk(), house.talk()
    assert house.ask(first) == ["OPSP0000"]
    house.ticker.now += 2
    assert house.ask(second, approval=house.desk.approve(APP_KEY)) == ["OPSP8996"]
    assert house.ask(house.talk(), approval=house.desk.approve("L" * 36)) == ["OPSP0000"]
    house.desk.ended(first, "127.0.0.1", first.began, properly=True)
    assert house.ask(second) == ["OPSP0000"]


def test_a_session_that_broke_may_linger(house):
    """So many seconds; one that closed properly does not."""
    house.desk.rules = StreamRules(lingers=5)
    first = house.talk()
    house.ask(first)
    house.desk.ended(first, "127.0.0.1", first.began, properly=False)
    second = house.talk()
    assert house.ask(second) == ["OPSP8996"]
    house.ticker.now += 5
    assert house.ask(second) == ["OPSP0000"]


@pytest.mark.parametrize(("how", "heard"), [("silence", []), ("refused", ["OPSP0011"])])
def test_an_approval_key_that_is_over(how, heard, house):
    """Is only looked at when something is registered; what runs goes on."""
    house.desk.rules = StreamRules(expired=how)
    talk = house.talk()
    house.ask(talk)
    house.desk.expire_approvals()
    assert house.ask(talk, key="000660") == heard
    assert records(house.pass_time(talk, 10))


def test_an_approval_key_that_nobody_was_given(house):
    """OPSP0011."""
    assert house.ask(house.talk(), approval="nobody's") == ["OPSP0011"]


def test_heartbeats_come_only_while_nothing_else_does(house):
    """One in 11 to 14 seconds, none while trades come; each must be answered."""
    idle, busy = house.talk(), house.talk()
    house.ask(busy)
    beats = []
    for _ in range(40):
        said = house.pass_time(idle, 1)
        told = [one for one in said if isinstance(one, str)]
        beats += told
        for one in told:
            idle.pong(one.encode())
    assert len(beats) == 3
    assert "PINGPONG" not in codes(house.pass_time(busy, 60))


@pytest.mark.parametrize("answer", ["pong", "text", "anew"])
def test_a_heartbeat_may_be_answered_by_pong_or_text(answer, house):
    """With its whole text; unanswered, the line is dropped after 100 seconds."""
    talk = house.talk()
    (beat,) = house.pass_time(talk, 14)
    if answer == "pong":
        talk.pong(beat.encode())
    else:
        talk.hear(beat if answer == "text" else json.dumps(json.loads(beat), indent=1))
    assert codes(house.pass_time(talk, 14)) == ["PINGPONG"]
    assert house.pass_time(talk, 86) == []
    assert house.pass_time(talk, 15) == [End(1006)]


@pytest.mark.parametrize("payload", [b"", b"hello"])
def test_an_unsolicited_or_empty_pong_cuts_the_line(payload, house):
    """Without a close frame, whether or not a heartbeat waits for its answer."""
    talk = house.talk()
    talk.pong(payload)
    assert talk.due() == [End(1006)]
    talk = house.talk()
    house.pass_time(talk, 14)
    talk.pong(payload)
    assert talk.due() == [End(1006)]
    assert house.desk.counts.dropped == 2


def test_the_next_day_begins_anew():
    """A registration that stays over night brings the trades of the next session from its open."""
    house = House(datetime(2026, 11, 17, 15, 29, 55))
    talk = house.talk()
    house.ask(talk)
    assert records(house.pass_time(talk, 10))[-1][TRADE["STCK_CNTG_HOUR"]] == "153000"
    house.clock.set(datetime(2026, 11, 18, 8, 59, 58))
    talk.due()
    rows = records(house.pass_time(talk, 5))
    assert (rows[0][TRADE["BSOP_DATE"]], rows[0][TRADE["STCK_CNTG_HOUR"]]) == ("20261118", "090000")
    assert rows[0][TRADE["CNTG_VOL"]] == rows[0][TRADE["ACML_VOL"]]


def test_time_can_run_faster(house):
    """Sixty times as fast, a second brings a minute."""
    house.clock.set(datetime(2026, 11, 20, 10, 0), rate=60)
    talk = house.talk()
    house.ask(talk)
    rows = records(house.pass_time(talk, 1, 0.01))
    assert {row[TRADE["STCK_CNTG_HOUR"]][:4] for row in rows} == {"1000"}
    assert len(rows) > 30


def test_load_has_its_rate_and_its_figures(house):
    """8,200 trades a second over all registrations, each counter as it must be."""
    talk = house.talk()
    for key in ("005930", "000660"):
        house.ask(talk, key=key)
    house.desk.rules = StreamRules(rate=8_200)
    talk.due()
    rows = records(house.pass_time(talk, 1, 0.0625))
    assert len(rows) == pytest.approx(8_200, abs=6)
    for code in ("005930", "000660"):
        totals = [number(row, "ACML_VOL") for row in rows if row[0] == code]
        assert [now - before for before, now in pairwise(totals)] == [1] * (len(totals) - 1)


@pytest.mark.thorough
def test_load_leaves_out_who_does_not_trade(house):
    """A halted instrument has no trades to go on from; the others take its share."""
    halted = next(one.stock_code for one in STAGE._market.instruments(datetime(2026, 11, 20).date()) if one.halted)
    talk = house.talk()
    for key in (halted, "005930"):
        assert house.ask(talk, key=key) == ["OPSP0000"]
    house.desk.rules = StreamRules(rate=600)
    talk.due()
    assert {row[0] for row in records(house.pass_time(talk, 1, 0.25))} == {"005930"}


@pytest.mark.parametrize("wrong", [{"limit": -1}, {"expired": "loudly"}, {"heartbeat": (14.0, 11.0)}, {"together": 0}])
def test_rules_that_cannot_be_are_refused(wrong):
    """Before any line is served by them."""
    with pytest.raises(ConfigurationError):
        StreamRules(**wrong)


def test_an_approval_a_second(house):
    """Where the rule is on, the second one within it is refused."""
    from data_pipeline.emulator.exchange import WireError

    house.desk.rules = StreamRules(approval_every=1)
    with pytest.raises(WireError) as refused:
        house.desk.approve(APP_KEY)
    assert refused.value.status == 403
    house.ticker.now += 1
    assert json.dumps(house.desk.approve(APP_KEY))
