"""Records of the stream as texts: what each field says of a trade, a book, an auction or the state of the market.

Names and order of the fields are those of the one table that the parser reads by.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from data_pipeline.emulator.figures import percent, plain_sign
from data_pipeline.market.records import BOOK_DEPTH, OrderBook, OrderBookLevel
from data_pipeline.sources.kis.stream.fields import FEEDS, Feed

if TYPE_CHECKING:
    from data_pipeline.sources.mock.tape import Tick

EMPTY = OrderBookLevel(0, 0)
NOON = 12 * 3_600_000
UNTOLD = 9
"""The taker of a trade of which nobody said who took it."""


class Instrument(NamedTuple):
    """What records say of an instrument beside its trades."""

    code: str
    """As the client registered it: ETNs with a Q."""
    session: date
    base: int
    shares: int
    volume_before: int
    """Shares of the session before."""


def is_known(tr_id: str, *, virtual: bool) -> bool:
    """Return whether a server has this feed."""
    return tr_id in FEEDS and (FEEDS[tr_id].virtual or not virtual)


def feed_names(*, virtual: bool) -> frozenset[str]:
    """Return the TR ids that a server has."""
    return frozenset(one for one in FEEDS if is_known(one, virtual=virtual))


def trade_record(feed: Feed, of: Instrument, one: Tick, book: OrderBook | None, phase: tuple[str, str, str]) -> str:
    """Return the record of a trade.

    Args:
        feed: A feed of trades.
        of: Whose trade.
        one: The trade.
        book: The book beside it; None leaves its fields 0.
        phase: NEW_MKOP_CLS_CODE, HOUR_CLS_CODE and MARKET_CLS_CODE.
    """
    asks, bids = (book.ask_levels, book.bid_levels) if book else ((), ())
    ask, bid = asks[0] if asks else EMPTY, bids[0] if bids else EMPTY
    said = {
        **_price(of, one),
        "ASKP1": ask.price,
        "BIDP1": bid.price,
        "SELN_CNTG_CSNU": one.sells,
        "SHNU_CNTG_CSNU": one.buys,
        "NTBY_CNTG_CSNU": one.buys - one.sells,
        "CTTR": percent(one.buy_volume, one.sell_volume),
        "SELN_CNTG_SMTN": one.sell_volume,
        "SHNU_CNTG_SMTN": one.buy_volume,
        "CCLD_DVSN": _SIDE[one.taker],
        "CNTG_CLS_CODE": _SIDE[one.taker],
        "SHNU_RATE": f"{one.buy_volume / max(one.buy_volume + one.sell_volume, 1):.2f}",
        "PRDY_VOL_VRSS_ACML_VOL_RATE": percent(one.cumulative_volume, of.volume_before),
        **_since(one),
        "NEW_MKOP_CLS_CODE": phase[0],
        "HOUR_CLS_CODE": phase[1],
        "ASKP_RSQN1": ask.volume,
        "BIDP_RSQN1": bid.volume,
        "TOTAL_ASKP_RSQN": book.total_ask_volume if book else 0,
        "TOTAL_BIDP_RSQN": book.total_bid_volume if book else 0,
        "VOL_TNRT": percent(one.cumulative_volume, of.shares),
        "PRDY_SMNS_HOUR_ACML_VOL": of.volume_before,
        "PRDY_SMNS_HOUR_ACML_VOL_RATE": percent(one.cumulative_volume, of.volume_before),
        "MARKET_CLS_CODE": phase[2],
    }
    return _joined(feed, said)


def expected_record(feed: Feed, of: Instrument, at: int, price: int, volume: int) -> str:
    """Return the record of what an auction would come to: its running figures repeat what is expected."""
    change = price - of.base
    said = {
        "MKSC_SHRN_ISCD": of.code,
        "STCK_CNTG_HOUR": clock_text(at),
        "STCK_PRPR": price,
        "PRDY_VRSS_SIGN": plain_sign(change),
        "PRDY_VRSS": change,
        "PRDY_CTRT": percent(change, of.base),
        "CNTG_VOL": volume,
        "ACML_VOL": volume,
        "ACML_TR_PBMN": volume * price,
        "CNTG_CLS_CODE": "1",
        "BSOP_DATE": f"{of.session:%Y%m%d}",
        "NEW_MKOP_CLS_CODE": "00" if at < NOON else "21",
        "TRHT_YN": "N",
        "HOUR_CLS_CODE": "B" if at < NOON else "A",
        "MRKT_TRTM_CLS_CODE": "",
        "DUMMY": of.base,
    }
    return _joined(feed, said)


def book_record(feed: Feed, of: Instrument, at: int, book: OrderBook, volume: int, expected: int = 0) -> str:
    """Return the record of a book; outside auctions what is expected is 0, and its change minus the base price."""
    change = expected - of.base
    asks = [*book.ask_levels, *[EMPTY] * BOOK_DEPTH][:BOOK_DEPTH]
    bids = [*book.bid_levels, *[EMPTY] * BOOK_DEPTH][:BOOK_DEPTH]
    said: dict[str, object] = {
        "MKSC_SHRN_ISCD": of.code,
        "BSOP_HOUR": clock_text(at),
        "HOUR_CLS_CODE": ("B" if at < NOON else "A") if expected else "0",
        "TOTAL_ASKP_RSQN": book.total_ask_volume,
        "TOTAL_BIDP_RSQN": book.total_bid_volume,
        "ANTC_CNPR": expected,
        "ANTC_CNTG_VRSS": change,
        "ANTC_CNTG_VRSS_SIGN": plain_sign(change),
        "ANTC_CNTG_PRDY_CTRT": percent(change, of.base),
        "ACML_VOL": volume,
        "MARKET_CLS_CODE": "2",
        "ANTC_EXCH_CLS_CODE": "1",
    }
    for side, levels in (("ASKP", asks), ("BIDP", bids)):
        for nth, level in enumerate(levels, 1):
            said[f"{side}{nth}"], said[f"{side}_RSQN{nth}"] = level.price, level.volume
    if asks[0].price and bids[0].price:
        said |= dict.fromkeys(("MID_PRC", "KMID_PRC", "NMID_PRC"), (asks[0].price + bids[0].price) // 2)
    return _joined(feed, said)


def operation_record(feed: Feed, code: str, *, phase: str = "", expected: str = "", vi: bool = False) -> str:
    """Return the record of a state of the market, or of one instrument in it."""
    said = {
        "MKSC_SHRN_ISCD": code,
        "TRHT_YN": "N",
        "TR_SUSP_REAS_CNTT": "(null)",
        "MKOP_CLS_CODE": phase,
        "ANTC_MKOP_CLS_CODE": expected,
        "MRKT_TRTM_CLS_CODE": "",
        "DIVI_APP_CLS_CODE": "",
        "ISCD_STAT_CLS_CODE": "55",
        "VI_CLS_CODE": "Y" if vi else "N",
        "OVTM_VI_CLS_CODE": "N" if phase else "",
    }
    return "^".join(said[name] for name in feed.names)


def clock_text(at: int) -> str:
    """Return HHMMSS of milliseconds since midnight."""
    minutes, seconds = divmod(at // 1000, 60)
    return f"{minutes // 60:02d}{minutes % 60:02d}{seconds:02d}"


_SIDE = {1: "1", -1: "5", 0: "3", UNTOLD: ""}


def _price(of: Instrument, one: Tick) -> dict[str, object]:
    change = one.price - of.base
    return {
        "MKSC_SHRN_ISCD": of.code,
        "STCK_CNTG_HOUR": clock_text(one.at),
        "STCK_PRPR": one.price,
        "PRDY_VRSS_SIGN": plain_sign(change),
        "PRDY_VRSS": change,
        "PRDY_CTRT": percent(change, of.base),
        "WGHN_AVRG_STCK_PRC": f"{one.cumulative_value / one.cumulative_volume:.2f}",
        "CNTG_VOL": one.volume,
        "ACML_VOL": one.cumulative_volume,
        "ACML_TR_PBMN": one.cumulative_value,
        "BSOP_DATE": f"{of.session:%Y%m%d}",
        "TRHT_YN": "N",
        "MRKT_TRTM_CLS_CODE": "",
        "VI_STND_PRC": of.base,
    }


def _since(one: Tick) -> dict[str, object]:
    """Return the first, highest and lowest price, when they were, and how far the price has come since."""
    said: dict[str, object] = {}
    for name, (price, at) in (("OPRC", one.open), ("HGPR", one.high), ("LWPR", one.low)):
        said[f"STCK_{name}"] = price
        said[f"{name}_HOUR"] = clock_text(at)
        said[f"{name}_VRSS_PRPR_SIGN"] = plain_sign(one.price - price)
        said[f"{name}_VRSS_PRPR"] = one.price - price
    return said


def _joined(feed: Feed, said: Mapping[str, object]) -> str:
    return "^".join([str(said.get(name, "0")) for name in feed.names])
