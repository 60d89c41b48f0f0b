"""What an assistant is told: rows with whose they are, how they are meant, and which gap lies open in them."""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import nullcontext

import pytest

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.local.assistant import Answers, server_of
from tests.support.market_rows import FRI, LETTERS, MON, SAMSUNG, THU
from tests.support.project import ROOT


@pytest.fixture
def answers(filled_reader):
    """The questions to a warehouse of three instruments, whose bars of Thursday and Friday are stored."""
    return Answers(lambda: nullcontext(filled_reader))


def test_bars_say_whose_they_are_and_how_they_are_meant(answers):
    """As traded, from KRX, as of now, and nothing is missing."""
    told = answers.bars(SAMSUNG, str(THU), str(FRI), adjusted=False)
    assert (told["sources"], told["made_up"], told["adjusted"], told["as_of"]) == (["krx"], False, False, "now")
    assert (told["complete"], told["warning"]) == (True, "")
    closes = [row[told["columns"].index("close")] for row in told["rows"]]
    assert (closes, told["rows"][0][1]) == ([2_650_000, 51_900], "2026-09-10")


def test_a_gap_is_never_passed_over(answers):
    """Monday's bar is not stored: the two others come with what is missing and how it is filled."""
    told = answers.bars(LETTERS, str(THU), str(MON), adjusted=False)
    assert (told["complete"], len(told["rows"])) == (False, 2)
    assert "0001A0 on 2026-09-14" in told["warning"]
    assert "--first 2026-09-14 --last 2026-09-14 --codes 0001A0" in told["warning"]


def test_adjusted_prices_and_a_moment_are_said(answers):
    """A moment needs its zone, and goes with daily bars only."""
    told = answers.bars(SAMSUNG, str(THU), str(FRI), as_of="2040-01-02T18:00+09:00")
    assert (told["adjusted"], told["as_of"]) == (True, "2040-01-02T18:00+09:00")
    with pytest.raises(InvalidRequestError, match="with its zone"):
        answers.bars(SAMSUNG, str(THU), str(FRI), as_of="2040-01-02T18:00")
    with pytest.raises(InvalidRequestError, match="not with minutes"):
        answers.bars(SAMSUNG, str(THU), str(FRI), minutes=5, as_of="2040-01-02T18:00+09:00")


def test_instruments_are_found_by_code_or_name(answers):
    """A part of either is enough."""
    found = answers.instruments(search="0001a")
    assert [row[found["columns"].index("stock_code")] for row in found["rows"]] == [LETTERS]


def test_coverage_of_nothing_is_not_called_complete(answers):
    """Of a range for which nothing was ever loaded nothing is missing, and the answer says why that proves nothing."""
    told = answers.coverage("2015-01-05", "2015-01-09")
    assert (told["rows"], told["complete"]) == ([], False)
    assert "nothing was ever loaded" in told["warning"]


def test_gaps_of_nothing_are_not_called_complete(answers):
    """No instrument lacks anything of a range of which nothing is expected, which proves nothing."""
    told = answers.gaps("2015-01-05", "2015-01-09")
    assert (told["complete"], told["gaps"]) == (False, [])
    assert "nothing was ever loaded" in told["warning"]


@pytest.mark.thorough
def test_every_question_only_reads_and_takes_no_sql(answers):
    """So it is declared to the assistant, with typed arguments."""
    tools = asyncio.run(server_of(answers).list_tools())
    assert {one.name for one in tools} == {"bars", "instruments", "coverage", "gaps"}
    assert all(one.annotations.read_only_hint for one in tools)
    arguments = {name for one in tools for name in one.input_schema["properties"]}
    assert arguments & {"sql", "statement", "query", "code"} == set()


@pytest.mark.thorough
def test_it_speaks_the_protocol_and_nothing_else_on_standard_output(tmp_path):
    """An assistant greets, asks for the list of tools and leaves; a warehouse is not needed for that."""
    greeting = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    sent = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": greeting},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "data_pipeline", "mcp"], cwd=ROOT, text=True, bufsize=1,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "DATA_PIPELINE_HOME": str(tmp_path)},
    ) as server:  # fmt: skip
        assert server.stdin
        assert server.stdout
        for one in sent:
            server.stdin.write(f"{json.dumps(one)}\n")
        lines = [json.loads(server.stdout.readline()) for _ in range(2)]
        server.stdin.close()
        assert server.wait() == 0
        assert server.stdout.read() == ""
    answered = {one["id"]: one["result"] for one in lines}
    assert "made-up rows are no market" in answered[1]["instructions"]
    assert {one["name"] for one in answered[2]["tools"]} == {"bars", "instruments", "coverage", "gaps"}
