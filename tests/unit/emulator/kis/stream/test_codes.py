"""Commands are read as KIS reads them, and answered in its words."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from data_pipeline.emulator.kis.stream.codes import CommandError, answer, heartbeat, read_command

FEEDS = frozenset({"H0STCNT0"})
HEAD = {"approval_key": "a", "custtype": "P", "tr_type": "1", "content-type": "utf-8"}
INPUT = {"tr_id": "H0STCNT0", "tr_key": "005930"}


def text(header=HEAD, body=None):
    """The text of a command."""
    return json.dumps({"header": header, "body": {"input": INPUT} if body is None else body})


def test_a_registration_and_its_end_are_read():
    """By tr_type; an ETN has a Q."""
    assert not read_command(text(), FEEDS).ends
    ended = read_command(text({**HEAD, "tr_type": "2"}, {"input": {**INPUT, "tr_key": "Q500001"}}), FEEDS)
    assert (ended.ends, ended.tr_id, ended.tr_key) == (True, "H0STCNT0", "Q500001")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("{", "OPSP9999"),
        ("[]", "OPSP9998"),
        (json.dumps({"header": HEAD}), "OPSP9992"),
        (text(body={}), "OPSP9991"),
        (text({**HEAD, "approval_key": ""}), "OPSP9996"),
        (text({"approval_key": "a", "tr_type": "1"}), "OPSP9997"),
        (text({**HEAD, "custtype": "X"}), "OPSP8998"),
        (text({**HEAD, "tr_type": "0"}), "OPSP8997"),
        (text(body={"input": {**INPUT, "tr_id": "H0NXCNT0"}}), "OPSP8991"),
        (text(body={"input": {"tr_id": "H0STCNT0"}}), "OPSP9990"),
        (text(body={"input": {**INPUT, "tr_key": "5930"}}), "OPSP8992"),
    ],
)
def test_a_wrong_command_is_refused_by_its_code(wrong, code):
    """Each by the code that kis-help.md of koreainvestment/kis-ai-extensions has for it."""
    with pytest.raises(CommandError) as refused:
        read_command(wrong, FEEDS)
    assert refused.value.code == code


def test_answers_have_the_documented_shape():
    """As the official example and recordings of users have them."""
    good = json.loads(answer("OPSP0000", "H0STCNT0", "005930"))
    assert good["header"] == {"tr_id": "H0STCNT0", "tr_key": "005930", "encrypt": "N"}
    assert good["body"]["rt_cd"] == "0"
    assert good["body"]["msg1"] == "SUBSCRIBE SUCCESS"
    assert (len(good["body"]["output"]["iv"]), len(good["body"]["output"]["key"])) == (16, 32)
    full = json.loads(answer("OPSP0008", "H0STCNT0", "005930"))["body"]
    assert full == {"rt_cd": "1", "msg_cd": "OPSP0008", "msg1": "MAX SUBSCRIBE OVER"}
    used = json.loads(answer("OPSP8996", "(null)", ""))["body"]
    assert used == {"rt_cd": "9", "msg_cd": "OPSP8996", "msg1": "ALREADY IN USE appkey"}


def test_a_heartbeat_names_its_second():
    """And fits into a Pong."""
    said = heartbeat(datetime(2026, 11, 23, 9, 30, 15))
    assert json.loads(said) == {"header": {"tr_id": "PINGPONG", "datetime": "20261123093015"}}
    assert len(said.encode()) < 126
