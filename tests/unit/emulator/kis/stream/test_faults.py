"""Every failure that was seen on the live stream can be had on request, or by a seed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from data_pipeline.emulator.kis.stream.faults import parse_stream_fault, spoilt
from data_pipeline.emulator.kis.stream.talk import End
from data_pipeline.exceptions import InvalidRequestError, PayloadError
from data_pipeline.sources.kis.stream.fields import FEEDS
from data_pipeline.sources.kis.stream.frame import Records, read_frame
from tests.support.live_emulator import House, codes, records

TRADE = FEEDS["H0STCNT0"].positions


def frames(said):
    """The texts of data."""
    return [one for one in said if isinstance(one, str) and one[0] != "{"]


def with_fault(house: House, **fault):
    """A session with a registration, under one failure."""
    house.faults.replace([fault])
    talk = house.talk()
    return talk, house.ask(talk)


def test_a_lost_answer_is_done_all_the_same(house):
    """The data comes."""
    talk, heard = with_fault(house, kind="lost_answer")
    assert heard == []
    assert records(house.pass_time(talk, 10))


def test_a_mute_registration_brings_nothing(house):
    """Neither an answer nor data; asked once more it is served."""
    talk, heard = with_fault(house, kind="mute", count=1)
    assert heard == []
    assert records(house.pass_time(talk, 10)) == []
    assert house.ask(talk) == ["OPSP0000"]


@pytest.mark.parametrize("code", ["OPSP0007", "OPSP0009", "OPSP8999"])
def test_a_registration_can_be_refused(code, house):
    """With the code that is named."""
    assert with_fault(house, kind="refused", value=code)[1] == [code]


def test_a_registration_is_taken_back(house):
    """SUBSCRIBE SUCCESS, and a second later UNSUBSCRIBE SUCCESS and no more data."""
    talk, heard = with_fault(house, kind="taken_back")
    assert heard == ["OPSP0000"]
    assert codes(house.pass_time(talk, 1)) == ["OPSP0001"]
    assert records(house.pass_time(talk, 10)) == []


def test_frames_are_lost_and_the_figures_go_on(house):
    """The next one that comes shows what is missing."""
    talk, _ = with_fault(house, kind="lost", every=2)
    rows = records(house.pass_time(talk, 30, 0.5))
    gaps = [
        int(now[TRADE["ACML_VOL"]]) - int(before[TRADE["ACML_VOL"]]) - int(now[TRADE["CNTG_VOL"]])
        for before, now in pairwise(rows)
    ]
    assert min(gaps) == 0
    assert max(gaps) > 0


def test_frames_come_twice(house):
    """Each of them."""
    talk, _ = with_fault(house, kind="doubled")
    said = frames(house.pass_time(talk, 20, 0.5))
    assert said
    assert said[::2] == said[1::2]


def test_one_code_falls_silent(house):
    """After a while, and the others do not."""
    talk, _ = with_fault(house, kind="silent_code", stock_code="005930", after=10)
    house.ask(talk, key="000660")
    assert {row[0] for row in records(house.pass_time(talk, 9, 0.5))} == {"005930", "000660"}
    assert {row[0] for row in records(house.pass_time(talk, 20, 0.5))} == {"000660"}


def test_held_frames_come_at_once(house):
    """Nothing for three seconds, and then all of them in their order."""
    talk, _ = with_fault(house, kind="held", seconds=3, count=1)
    quiet = 0
    while not (said := frames(house.pass_time(talk, 0.5, 0.5))):
        quiet += 1
    assert quiet >= 6
    totals = [int(row[TRADE["ACML_VOL"]]) for row in records(said)]
    assert totals == sorted(totals)
    assert len(totals) > 1


@pytest.mark.parametrize(("value", "width"), [("1", 48), ("-1", 46), ("", 48)])
def test_records_have_another_width(value, width, house):
    """All of a frame alike."""
    talk, _ = with_fault(house, kind="width", value=value)
    assert {len(row) for row in records(house.pass_time(talk, 10))} == {width}


def test_the_last_field_is_null(house):
    """As KIS writes it."""
    talk, _ = with_fault(house, kind="null")
    assert {row[-1] for row in records(house.pass_time(talk, 10))} == {"(null)"}


def test_the_last_record_is_cut(house):
    """No reader can take it for whole."""
    talk, _ = with_fault(house, kind="cut")
    for text in frames(house.pass_time(talk, 10)):
        with pytest.raises(PayloadError):
            read_frame(text)


def test_a_long_text_is_whole(house):
    """Longer than eight thousand bytes, of many records."""
    talk, _ = with_fault(house, kind="long")
    (first, *_) = frames(house.pass_time(talk, 10))
    frame = read_frame(first)
    assert len(first) >= 10_000
    assert isinstance(frame, Records)
    assert len(frame.rows) > 30


def test_times_ahead_and_totals_behind(house):
    """An hour later; half of the running volume, of trades and of books."""
    talk, _ = with_fault(house, kind="future")
    assert {row[TRADE["STCK_CNTG_HOUR"]][:2] for row in records(house.pass_time(talk, 10))} == {"11"}
    told = "0|H0STCNT0|001|" + "^".join(str(nth * 10) for nth in range(47))
    (half,) = spoilt(parse_stream_fault({"kind": "backwards"}), told)
    assert half.split("|")[3].split("^")[12:15] == ["120", "65", "140"]
    book = "0|H0STASP0|001|" + "^".join(str(nth * 10) for nth in range(63))
    (half,) = spoilt(parse_stream_fault({"kind": "backwards"}), book)
    assert half.split("|")[3].split("^")[53] == "265"


def test_an_encrypted_notice_of_nobody(house):
    """It begins with 1, and no key opens it."""
    talk, _ = with_fault(house, kind="encrypted")
    assert {text.split("|")[0] for text in frames(house.pass_time(talk, 10))} == {"1"}


@pytest.mark.parametrize("code", [1000, 1006, 1011])
def test_a_line_is_closed_after_its_time(code, house):
    """Each new one again."""
    for _ in range(2):
        talk, _ = with_fault(house, kind="close", value=str(code), after=120)
        said = house.pass_time(talk, 200)
        assert said[-1] == End(code)
        assert talk.age == 120
        house.desk.ended(talk, "127.0.0.1", talk.began, properly=True)


def test_a_silent_line_stays_open(house):
    """No data, no heartbeat, no end."""
    talk, _ = with_fault(house, kind="silent", after=10)
    assert house.pass_time(talk, 9)
    assert house.pass_time(talk, 300) == []


def test_a_seed_decides_everything(house):
    """The same seed gives the same line, another one another; each ends some time."""

    def played(seed: int) -> list[object]:
        one = House()
        one.faults.replace([{"kind": "hostile", "seed": seed, "value": "0.2", "seconds": 60}])
        talk = one.talk()
        one.ask(talk)
        return list(one.pass_time(talk, 400))

    first, again, other = played(1), played(1), played(2)
    assert first == again
    assert first != other


def test_hostile_lines_end_in_every_way():
    """Closed, broken, failed or silent, after about as long as it was told."""
    ends, ages = set(), []
    for seed in range(40):
        house = House()
        house.faults.replace([{"kind": "hostile", "seed": seed, "seconds": 60}])
        talk = house.talk()
        said = house.pass_time(talk, 600, 5)
        beats = [one for one in said if isinstance(one, End)]
        ends.add(beats[0].code if beats else None)
        ages.append(talk.age)
    assert ends >= {1000, 1006, 1011}
    assert 30 < sum(ages) / len(ages) < 120


@pytest.mark.parametrize(
    "wrong",
    [
        "cut", {}, {"kind": "rain"}, {"kind": "lost", "how": 1}, {"kind": "lost", "every": "2"},
        {"kind": "lost", "every": -1}, {"kind": "lost", "tr_id": 1}, {"kind": "width", "value": "wide"},
        {"kind": "refused", "value": "OPSP1"},
    ],
)  # fmt: skip
def test_a_wrong_failure_is_refused(wrong, house):
    """And those before stay in force."""
    house.faults.replace([{"kind": "lost"}])
    with pytest.raises(InvalidRequestError):
        house.faults.replace([wrong])
    assert [one.kind for one in house.faults.rules] == ["lost"]
