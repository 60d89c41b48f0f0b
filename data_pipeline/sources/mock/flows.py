"""Who bought and who sold on the synthetic market: the day's shares and won, divided twice among kinds of investors."""

from __future__ import annotations

from zlib import crc32

from data_pipeline.market.investor_records import INSTITUTIONS, KINDS, OTHERS, InvestorFlow, Traded
from data_pipeline.market.records import DailyBar
from data_pipeline.sources.mock.noise import below

_SHARERS = ("individual", "foreign", *KINDS)
_WEIGHTS = (500, 260, *(30 for _ in INSTITUTIONS), *(15 for _ in OTHERS))
_MILLION = 1_000_000


def flow_of(bar: DailyBar) -> InvestorFlow:
    """Return who bought and sold the shares of a daily bar; every share and every million won has one buyer and seller.

    Values are cut to the million, as the broker tells them.
    """
    shares = {side: _divided(bar, side) for side in ("bought", "sold")}
    traded = {
        kind: Traded(*(shares[side][kind] for side in shares), *(_value(bar, shares[side][kind]) for side in shares))
        for kind in _SHARERS
    }
    institution = Traded(*(sum(amounts) for amounts in zip(*(traded[kind] for kind in INSTITUTIONS), strict=True)))
    kinds = {kind: traded[kind] for kind in KINDS}
    return InvestorFlow(
        bar.stock_code, bar.session, bar.volume, traded["individual"], traded["foreign"], institution, kinds
    )


def _divided(bar: DailyBar, side: str) -> dict[str, int]:
    key = crc32(f"{bar.stock_code} {bar.session} {side}".encode()) << 32
    weights = [weight * (50 + below(key, number, 100)) for number, weight in enumerate(_WEIGHTS)]
    shares = [bar.volume * weight // sum(weights) for weight in weights]
    shares[0] += bar.volume - sum(shares)
    return dict(zip(_SHARERS, shares, strict=True))


def _value(bar: DailyBar, shares: int) -> int:
    return bar.trading_value * shares // bar.volume // _MILLION * _MILLION if bar.volume else 0
