"""One source or two: the same answer for whatever a process can open, played here."""

from __future__ import annotations

from datetime import datetime

import pytest

from data_pipeline.backfill.sources import chosen, offer_of, open_sources
from data_pipeline.coordination.file import FileStore
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.local.backfill import Variables
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from data_pipeline.sources.mock.source import MockDataSource

EVENING = datetime(2026, 9, 22, 21, 0, tzinfo=SEOUL)


class Broker(MockDataSource):
    """A source that says it is KIS."""

    name = "kis-sandbox"


class Openable:
    """A process whose usual source is KIS; with ``key`` there is one of the exchange."""

    def __init__(self, folder, *, key=True, usual=Broker):
        self.folder, self.key, self.usual = folder, key, usual
        self.opened, self.closed = [], []

    def name_of(self, kind):
        """The kind's own name, but for the usual one."""
        return "usual" if kind == "auto" else kind

    def exchange(self):
        """Its name."""
        return "exchange" if self.key else None

    def open(self, name):
        """A source that notes when it is closed."""
        settings = KrxSettings("K" * 40, base_url="http://127.0.0.1:1", daily_limit=100)
        made = self.usual() if name != "exchange" else KRXDataSource(
            settings, FileStore(self.folder), clock=lambda: EVENING
        )  # fmt: skip
        close = made.close
        made.close = lambda: (self.closed.append(name), close())
        self.opened.append(name)
        return made


@pytest.mark.parametrize(
    ("dataset", "kind", "name", "asked"),
    [
        ("daily_bar", "auto", None, ("usual", "exchange")),
        ("instrument", "auto", None, ("exchange", None)),
        ("minute_bar", "auto", None, ("usual", None)),
        ("trading_session", "auto", None, ("usual", None)),
        ("daily_bar", "kis", None, ("kis", None)),
        ("instrument", "krx", None, ("krx", None)),
        ("instrument", "mock", None, ("mock", None)),
        ("daily_bar", "auto", "mine", ("mine", None)),
        ("instrument", "krx", "mine", ("mine", None)),
    ],
)
def test_who_is_asked(tmp_path, dataset, kind, name, asked):
    """With a key and an open choice: lists come from the exchange, daily bars may; whoever is named is asked alone."""
    assert chosen(Openable(tmp_path), dataset, kind, name) == asked


def test_without_a_key_nobody_else_is_asked(tmp_path):
    """The usual source has to do."""
    for dataset in ("daily_bar", "instrument"):
        assert chosen(Openable(tmp_path, key=False), dataset, "auto") == ("usual", None)


def test_an_unknown_kind_is_refused(tmp_path):
    """The same sentence for the form and for the command."""
    with pytest.raises(InvalidRequestError, match="source must be one of auto, kis, krx, mock, not 'yahoo'"):
        chosen(Openable(tmp_path), "daily_bar", "yahoo")


def test_both_are_opened_and_closed(tmp_path):
    """The exchange is asked first, and each is known by the name under which it was opened."""
    available = Openable(tmp_path)
    with open_sources(available, "daily_bar", "auto") as sources:
        assert [one.name for one in sources.in_turn] == ["krx-sandbox", "kis-sandbox"]
        assert sources.names == {"kis-sandbox": "usual", "krx-sandbox": "exchange"}
        offer = offer_of(sources.exchange)
        assert (offer.source, offer.last.isoformat(), offer.calls_left) == ("krx-sandbox", "2026-09-21", 100)
        assert offer_of(sources.source) is None
    assert available.closed == ["exchange", "usual"]


def test_the_exchange_takes_no_share_beside_another_source_than_kis(tmp_path):
    """The synthetic market has everything itself, so that the exchange is not even opened."""
    available = Openable(tmp_path, usual=MockDataSource)
    with open_sources(available, "daily_bar", "auto") as sources:
        assert [one.name for one in sources.in_turn] == ["mock"]
    assert available.opened == ["usual"]


def test_what_the_environment_can_open():
    """A kind is its own name; ``auto`` is left to the credentials; the exchange's key makes its source."""
    variables = Variables({"DATA_SOURCE_TYPE": "mock"}, lambda: EVENING)
    assert (variables.name_of("kis"), variables.exchange()) == ("kis", None)
    assert Variables({"KRX_API_KEY": "K" * 40}, lambda: EVENING).exchange() == "krx"
    with variables.open(variables.name_of("auto")) as source:
        assert source.name == "mock"
