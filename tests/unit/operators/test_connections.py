"""Which connections a backfill asks: what its form says, and the exchange beside KIS where that may be."""

from __future__ import annotations

import json

import pytest

from data_pipeline.backfill.sources import chosen, open_sources
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.hooks.source import Connections

SANDBOX = "http://127.0.0.1:1"
KIS = {
    "conn_type": "kis",
    "login": "key",
    "password": "no-key",
    "extra": {"base_url": SANDBOX, "master_url": SANDBOX},
}
TRUE_KIS = KIS | {"extra": {"environment": "real"}}
KRX = {"conn_type": "krx", "password": "K" * 40, "extra": {"base_url": SANDBOX}}
TRUE_KRX = {"conn_type": "krx", "password": "K" * 40}


def form(params):
    """The kind and the connection of a form."""
    return params.get("source") or "auto", params.get("source_conn_id")


@pytest.fixture
def connections(environment, tmp_path):
    """Set connections by their names; shared state is the test's own."""
    environment(COORDINATION_URL=(tmp_path / "state").as_uri())
    return lambda **named: environment(
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in named.items()}
    )


@pytest.mark.parametrize(
    ("params", "scheduled", "name"),
    [
        ({}, "kis_second", "kis_second"),
        ({"source": "auto"}, "kis_second", "kis_second"),
        ({"source": "kis"}, "kis_second", "kis_second"),
        ({"source": "kis"}, "nowhere", "kis_default"),
        ({"source": "krx"}, "kis_second", "krx_default"),
        ({"source": "mock"}, "kis_second", "mock_default"),
        ({"source": "krx", "source_conn_id": "kis_second"}, "kis_second", "kis_second"),
    ],
    ids=str,
)
def test_the_connection_of_a_form(connections, params, scheduled, name):
    """A named connection goes first, then the scheduled one when it is of the kind, then the kind's default."""
    connections(kis_second=KIS)
    assert chosen(Connections(scheduled), "daily_bar", *form(params))[0] == name


def test_an_unknown_kind_is_refused():
    """The message lists those there are."""
    with pytest.raises(InvalidRequestError, match="auto, kis, krx, mock, not 'yahoo'"):
        chosen(Connections("kis_default"), "daily_bar", "yahoo")


@pytest.mark.parametrize(
    ("named", "params", "dataset", "beside"),
    [
        ({"krx_default": KRX}, {}, "daily_bar", "krx-sandbox"),
        ({"krx_default": KRX}, {"source": "auto"}, "daily_bar", "krx-sandbox"),
        ({"krx_default": TRUE_KRX, "kis_default": TRUE_KIS}, {}, "daily_bar", "krx"),
        ({"krx_default": TRUE_KRX}, {}, "daily_bar", None),
        ({"krx_default": KRX, "kis_default": TRUE_KIS}, {}, "daily_bar", None),
        ({"krx_default": KRX, "kis_default": {"conn_type": "mock"}}, {}, "daily_bar", None),
        ({"krx_default": KRX | {"password": ""}}, {}, "daily_bar", None),
        ({}, {}, "daily_bar", None),
        ({"krx_default": KRX}, {}, "minute_bar", None),
        ({"krx_default": KRX}, {"source": "kis"}, "daily_bar", None),
        ({"krx_default": KRX}, {"source_conn_id": "kis_default"}, "daily_bar", None),
    ],
    ids=["open", "auto", "both true", "made up and true", "true and made up", "mock", "no key", "no connection",
         "minutes", "kis alone", "one connection"],
)  # fmt: skip
def test_when_the_exchange_is_asked_as_well(connections, named, params, dataset, beside):
    """For daily bars out of KIS, with a key, when the choice is open; never true rows beside made-up ones."""
    connections(**{"kis_default": KIS} | named)
    with open_sources(Connections("kis_default"), dataset, *form(params)) as sources:
        assert (sources.exchange.name if sources.exchange is not None else None) == beside
