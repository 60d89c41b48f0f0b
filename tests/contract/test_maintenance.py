"""Maintenance and slowness over real HTTP: for both vendors they may pass, and they blame no stock code."""

from __future__ import annotations

import pytest

from data_pipeline.coordination.file import FileStore
from data_pipeline.emulator.krx.wire import API_KEY
from data_pipeline.emulator.process import APP_KEY, APP_SECRET
from data_pipeline.exceptions import (
    MaintenanceError,
    PayloadError,
    RateLimitedError,
    RequestTimeoutError,
    ServerFailureError,
    TransientError,
)
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from tests.support.krx_answers import FRIDAY as SESSION
from tests.support.krx_answers import MONDAY_MORNING as MORNING

PATHS = {"kis-real": "inquire-price", "krx": "stk_bydd_trd"}


@pytest.fixture(scope="module", params=["kis-real", "krx"])
def kind(request):
    """Each vendor with a wire."""
    return request.param


@pytest.fixture(scope="module")
def token_store(tmp_path_factory):
    """Where the one token of KIS's key lies: the emulator gives one a minute."""
    return FileStore(tmp_path_factory.mktemp("kis"))


@pytest.fixture
def ask(kind, emulator, token_store, tmp_path):
    """Asks for one code, with this timeout and without waiting between tries."""

    def ask(timeout=30.0):
        if kind == "krx":
            key = KrxSettings(API_KEY, base_url=emulator.url, timeout=timeout)
            with KRXDataSource(key, FileStore(tmp_path), clock=lambda: MORNING, sleep=lambda _: None) as source:
                return list(source.daily_bars(["000660"], SESSION, SESSION))
        settings = KisSettings(
            APP_KEY, APP_SECRET, "real", base_url=emulator.url, master_url=emulator.url,
            rate_limit=900, breaker_threshold=10_000, timeout=timeout,
        )  # fmt: skip
        with KISDataSource(settings, token_store, clock=lambda: MORNING) as source:
            return source.get_current_price("000660")

    if kind == "kis-real":
        ask()  # so that the token is there
    return ask


def play(emulator, vendor, **fault):
    """Play a fault on every call of a vendor's that is asked above."""
    emulator.set_faults({"path": PATHS[vendor], **fault})


@pytest.mark.thorough
@pytest.mark.parametrize(("dress", "error"), [
    ("page", MaintenanceError),
    ("cut_page", MaintenanceError),
    ("empty", MaintenanceError),
    ("redirect", MaintenanceError),
    ("403", MaintenanceError),
    ("404", MaintenanceError),
    ("503", MaintenanceError),
    ("408", ServerFailureError),
    ("429", RateLimitedError),
    ("EGW00316", ServerFailureError),
    ("unknown_code", ServerFailureError),
])  # fmt: skip
def test_maintenance_may_pass(ask, kind, emulator, dress, error):
    """In every dress it is transient, names the call and no stock code as its culprit."""
    play(emulator, vendor=kind, kind="maintenance", value=dress)
    with pytest.raises(error) as caught:
        ask()
    assert isinstance(caught.value, TransientError)
    assert not hasattr(caught.value, "stock_code")
    assert PATHS[kind] in str(caught.value)


@pytest.mark.thorough
@pytest.mark.parametrize("dress", ["page", "cut_page", "empty", "redirect", "408", "429", "503"])
def test_the_end_of_maintenance_is_not_missed(ask, kind, emulator, dress):
    """When the service is back at the second try, the caller sees nothing of it."""
    play(emulator, vendor=kind, kind="maintenance", value=dress, count=1)
    assert ask()


def test_wrong_json_is_for_good(ask, kind, emulator):
    """A field that is left out stays a contradiction of the document."""
    play(emulator, vendor=kind, kind="missing_field", field={"kis-real": "acml_vol", "krx": "ACC_TRDVOL"}[kind])
    with pytest.raises(PayloadError, match=r"acml_vol|ACC_TRDVOL"):
        ask()


@pytest.mark.thorough
@pytest.mark.parametrize("part", ["body", "headers"])
def test_an_answer_that_drips_is_given_up(ask, kind, emulator, part):
    """A byte now and then does not prolong the time of a call."""
    play(emulator, vendor=kind, kind="drip", value=part, seconds=0.05)
    with pytest.raises(RequestTimeoutError, match=r"within 0\.3 s"):
        ask(timeout=0.3)
