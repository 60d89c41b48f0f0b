"""The figures of running work beside what the emulated server saw: equal, and not about.

Facts: 14 to 18 September 2026 are five sessions; the emulator stands on the evening of the 22nd.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import date
from typing import Any

import pytest

from data_pipeline.datasets import find_dataset
from data_pipeline.engine.load_windows import load_windows
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.market.window import Window
from data_pipeline.sources.factory import create_data_source

FIRST, SESSION = date(2026, 9, 14), date(2026, 9, 18)
CODES = ("000660", "005930", "035720")
CHART = "inquire-daily-itemchartprice"
FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500, "path": CHART, "count": 2, "body": {"rt_cd": "1"}},
    {"kind": "drop", "path": CHART, "count": 1},
]


@pytest.fixture
def told(kis, emulator):
    """What the source tells, summed by figure and labels; the emulator's log begins with it."""
    found: Counter[tuple[str, tuple[str, ...]]] = Counter()

    def hear(figure, value, labels):
        found[figure.name, tuple(labels[name] for name in figure.labels)] += 1 if figure.kind != "counter" else value

    kis.meter.listen(hear)
    emulator.forget_requests()
    emulator.set_faults()
    yield found
    emulator.set_faults()


def of(told, name, place=None):
    """The sums of one figure, by one of its labels or by all."""
    found: Counter[Any] = Counter()
    for (figure, labels), value in told.items():
        if figure == name:
            found[labels if place is None else labels[place]] += value
    return found


def seen(emulator):
    """The requests that the server saw, by the last part of their path, and how many of them took a slot."""
    entries = emulator.requests()
    paths = Counter(entry["path"].rsplit("/", 1)[-1] for entry in entries)
    return paths, sum(entry["path"].startswith("/uapi/") for entry in entries)


@pytest.mark.thorough
def test_requests_are_as_many_as_the_server_saw(kis, emulator, told):
    """Token, master files, tries again after 500 and a broken connection, and refusals: every one, by endpoint."""
    kis.get_current_price("005930")
    emulator.set_faults(*FAULTS)
    for code in CODES:
        with suppress(DataPipelineError):
            list(kis.daily_bars([code], FIRST, SESSION))
    kis.client.download_master("KOSPI")
    with suppress(DataPipelineError):
        kis.get_current_price("999999")
    paths, slots = seen(emulator)
    assert {"tokenP", "inquire-price", CHART, "kospi_code.mst.zip"} <= {*paths}
    assert of(told, "requests", 1) == paths
    outcomes = of(told, "requests", 2)
    assert outcomes["failed"] == sum(entry["status"] >= 500 for entry in emulator.requests())
    assert outcomes["unreachable"] == sum(entry["status"] == 0 for entry in emulator.requests())
    assert (outcomes["failed"], outcomes["unreachable"], outcomes["refused"]) == (2, 1, 1)
    (fingerprint,) = kis.client.tokens()
    assert of(told, "slot_wait") == of(told, "budget_share")
    assert sum(of(told, "slot_wait").values()) == slots == kis.requests_sent
    assert of(told, "tokens_asked") == Counter({("kis-sandbox", fingerprint): paths["tokenP"]})


@pytest.mark.thorough
def test_rejections_are_counted_as_the_server_counts_them(kis, emulator, told):
    """A quota that is smaller than the client believes: as many throttled as the server's own log has."""
    emulator.set_limits(rate=4)
    try:
        for code in CODES * 3:
            with suppress(DataPipelineError):
                kis.get_current_price(code)
        rejected = emulator.summary()["rejected"]
    finally:
        emulator.set_limits(rate=200)
    assert rejected
    assert of(told, "requests", 2)["throttled"] == rejected


@pytest.mark.thorough
def test_requests_of_krx_are_as_many_as_the_server_saw(settings, emulator):
    """One of five calls is answered with an error and sent again."""
    emulator.forget_requests()
    emulator.set_faults({"kind": "status", "status": 503, "path": "stk_bydd_trd", "count": 1})
    told: Counter[Any] = Counter()
    environ = {**settings, "KRX_API_KEY": "TEST".ljust(40, "7"), "KRX_API_BASE_URL": emulator.url}
    with create_data_source("krx", environ) as krx:
        krx.meter.listen(lambda figure, value, labels: told.update({(figure.name, labels["endpoint"]): int(value)}))
        assert list(krx.market_bars(SESSION))
    emulator.set_faults()
    paths, _ = seen(emulator)
    assert sum(paths.values()) == krx.requests_sent > 5
    assert told == Counter({("requests", path): number for path, number in paths.items()})


def test_rows_are_counted_by_what_became_of_them(kis, connection, told):
    """Three codes of five sessions come; loaded again, they are found as they were."""
    dataset = find_dataset("daily_bar")
    for _ in range(2):
        list(load_windows(connection, kis, dataset, [Window(CODES, FIRST, SESSION)], Run(), threads=1))
    assert of(told, "rows") == {
        ("kis-sandbox", "daily_bar", "inserted"): 15,
        ("kis-sandbox", "daily_bar", "unchanged"): 15,
    }
