"""Who bought and who sold on the synthetic market: the day's shares and won, divided twice among kinds of investors."""

from __future__ import annotations

from collections import Counter
from datetime import date
from zlib import crc32

from data_pipeline.market.investor_records import INSTITUTIONS, KINDS, OTHERS, TOTALS, InvestorFlow, MarketFlow, Traded
from data_pipeline.market.records import DailyBar, Instrument
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.sources.mock.noise import below

_SHARERS = ("individual", "foreign", *KINDS)
_WEIGHTS = (500, 260, *(30 for _ in INSTITUTIONS), *(15 for _ in OTHERS))
_MILLION = 1_000_000


def market_flow(market: SyntheticMarket, board: str, session: date) -> MarketFlow:
    """Return what was bought net on a board, funds left out: whole won, added up and only then cut to a million."""
    net = Counter[str]()
    for one in market.instruments(session):
        bar = market.daily_bar(one.stock_code, session) if _is_counted(one, board) else None
        flow = bar and flow_of(bar, exact=True)
        for kind in (*TOTALS, *KINDS) if flow else ():
            traded = flow.of(kind) if flow else None
            net[kind] += traded.bought_value - traded.sold_value if traded else 0
    return MarketFlow(board, session, {kind: int(net[kind] / _MILLION) * _MILLION for kind in (*TOTALS, *KINDS)})


def _is_counted(one: Instrument, board: str) -> bool:
    return one.market == board and one.security_group not in {"EF", "EN", "FE"}


def flow_of(bar: DailyBar, *, exact: bool = False) -> InvestorFlow:
    """Return who bought and sold the shares of a daily bar; every share and every million won has one buyer and seller.

    Values are cut to the million, as the broker tells them, unless they are to be exact.
    """
    shares = {side: _divided(bar, side) for side in ("bought", "sold")}
    traded = {
        kind: Traded(
            *(shares[side][kind] for side in shares), *(_value(bar, shares[side][kind], exact=exact) for side in shares)
        )
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


def _value(bar: DailyBar, shares: int, *, exact: bool) -> int:
    value = bar.trading_value * shares // bar.volume if bar.volume else 0
    return value if exact else value // _MILLION * _MILLION
