"""The one table of KIS's live feeds: what each is, and its fields in the order of the wire.

Nothing but the vocabulary and the errors is imported here, so that the emulator writes by the same table as the parser
reads.

Source: KIS Developers, 실시간시세 of 국내주식 (workbook of 2026-09-11), and the widths seen since 2026-09-14. A feed
may grow at its end. ``least`` is the shortest layout that was ever documented with the same fields in the same places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from data_pipeline.exceptions import UnsupportedDatasetError
from data_pipeline.market.stream_records import StreamKind, Subscription
from data_pipeline.market.venue import Venue


@dataclass(frozen=True)
class Feed:
    """One feed of the stream."""

    tr_id: str
    kind: StreamKind
    venue: Venue
    names: tuple[str, ...]
    """Its fields in the order of the wire."""
    least: int
    """Fields of the shortest record that is read."""
    virtual: bool = False
    """Whether the virtual server (모의투자) has it."""

    @property
    def width(self) -> int:
        """Fields of a record as it comes today."""
        return len(self.names)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Where each field stands in a record."""
        return {name: position for position, name in enumerate(self.names)}


_TO_VOLUME = """
    MKSC_SHRN_ISCD STCK_CNTG_HOUR STCK_PRPR PRDY_VRSS_SIGN PRDY_VRSS PRDY_CTRT WGHN_AVRG_STCK_PRC STCK_OPRC STCK_HGPR
    STCK_LWPR ASKP1 BIDP1 CNTG_VOL ACML_VOL ACML_TR_PBMN SELN_CNTG_CSNU SHNU_CNTG_CSNU NTBY_CNTG_CSNU CTTR
    SELN_CNTG_SMTN SHNU_CNTG_SMTN
"""
_TO_CLASS = """
    SHNU_RATE PRDY_VOL_VRSS_ACML_VOL_RATE OPRC_HOUR OPRC_VRSS_PRPR_SIGN OPRC_VRSS_PRPR HGPR_HOUR HGPR_VRSS_PRPR_SIGN
    HGPR_VRSS_PRPR LWPR_HOUR LWPR_VRSS_PRPR_SIGN LWPR_VRSS_PRPR BSOP_DATE NEW_MKOP_CLS_CODE TRHT_YN ASKP_RSQN1
    BIDP_RSQN1 TOTAL_ASKP_RSQN TOTAL_BIDP_RSQN VOL_TNRT PRDY_SMNS_HOUR_ACML_VOL PRDY_SMNS_HOUR_ACML_VOL_RATE
    HOUR_CLS_CODE MRKT_TRTM_CLS_CODE
"""


def _trade(side: str, end: str) -> tuple[str, ...]:
    return (*_TO_VOLUME.split(), side, *_TO_CLASS.split(), *end.split())


def _ten(name: str) -> list[str]:
    return [f"{name}{level}" for level in range(1, 11)]


def _book(end: str) -> tuple[str, ...]:
    levels = [*_ten("ASKP"), *_ten("BIDP"), *_ten("ASKP_RSQN"), *_ten("BIDP_RSQN")]
    totals = """
        TOTAL_ASKP_RSQN TOTAL_BIDP_RSQN OVTM_TOTAL_ASKP_RSQN OVTM_TOTAL_BIDP_RSQN ANTC_CNPR ANTC_CNQN ANTC_VOL
        ANTC_CNTG_VRSS ANTC_CNTG_VRSS_SIGN ANTC_CNTG_PRDY_CTRT ACML_VOL TOTAL_ASKP_RSQN_ICDC TOTAL_BIDP_RSQN_ICDC
        OVTM_TOTAL_ASKP_ICDC OVTM_TOTAL_BIDP_ICDC STCK_DEAL_CLS_CODE
    """
    return ("MKSC_SHRN_ISCD", "BSOP_HOUR", "HOUR_CLS_CODE", *levels, *totals.split(), *end.split())


TRADE_FIELDS = _trade("CCLD_DVSN", "VI_STND_PRC MARKET_CLS_CODE")
TRADE_FIELDS_NXT = _trade("CNTG_CLS_CODE", "VI_STND_PRC MARKET_CLS_CODE")
EXPECTED_FIELDS = _trade("CNTG_CLS_CODE", "DUMMY")
BOOK_FIELDS = _book("MID_PRC MIDP_TOTAL_RSQN MIDP_CLS_CODE MARKET_CLS_CODE")
BOOK_FIELDS_NXT = _book("NMID_PRC NMID_TOTAL_RSQN NMID_CLS_CODE")
BOOK_FIELDS_UNIFIED = _book(
    "KMID_PRC KMID_TOTAL_RSQN KMID_CLS_CODE NMID_PRC NMID_TOTAL_RSQN NMID_CLS_CODE ANTC_EXCH_CLS_CODE"
)
OPERATION_FIELDS = (
    "MKSC_SHRN_ISCD", "TRHT_YN", "TR_SUSP_REAS_CNTT", "MKOP_CLS_CODE", "ANTC_MKOP_CLS_CODE", "MRKT_TRTM_CLS_CODE",
    "DIVI_APP_CLS_CODE", "ISCD_STAT_CLS_CODE", "VI_CLS_CODE", "OVTM_VI_CLS_CODE",
)  # fmt: skip
"""The code comes first in all three, and the documented EXCH_CLS_CODE behind them does not come."""

FEEDS = {
    one.tr_id: one
    for one in (
        Feed("H0STCNT0", StreamKind.TRADE, Venue.KRX, TRADE_FIELDS, least=46, virtual=True),
        Feed("H0NXCNT0", StreamKind.TRADE, Venue.NXT, TRADE_FIELDS_NXT, least=46),
        Feed("H0UNCNT0", StreamKind.TRADE, Venue.UNIFIED, TRADE_FIELDS_NXT, least=46),
        Feed("H0STASP0", StreamKind.BOOK, Venue.KRX, BOOK_FIELDS, least=59, virtual=True),
        Feed("H0NXASP0", StreamKind.BOOK, Venue.NXT, BOOK_FIELDS_NXT, least=62),
        Feed("H0UNASP0", StreamKind.BOOK, Venue.UNIFIED, BOOK_FIELDS_UNIFIED, least=65),
        Feed("H0STMKO0", StreamKind.OPERATION, Venue.KRX, OPERATION_FIELDS, least=10),
        Feed("H0NXMKO0", StreamKind.OPERATION, Venue.NXT, OPERATION_FIELDS, least=10),
        Feed("H0UNMKO0", StreamKind.OPERATION, Venue.UNIFIED, OPERATION_FIELDS, least=10),
        Feed("H0STANC0", StreamKind.EXPECTED, Venue.KRX, EXPECTED_FIELDS, least=45),
        Feed("H0NXANC0", StreamKind.EXPECTED, Venue.NXT, EXPECTED_FIELDS, least=45),
        Feed("H0UNANC0", StreamKind.EXPECTED, Venue.UNIFIED, EXPECTED_FIELDS, least=45),
    )
}
"""Every feed that is read, by its TR id."""


def feed_of(one: Subscription, *, virtual: bool, feeds: Mapping[str, Feed] = FEEDS) -> Feed:
    """Return the feed that a subscription registers.

    Raises:
        UnsupportedDatasetError: The server has no such feed; nothing was sent.
    """
    feed = next(feed for feed in feeds.values() if (feed.kind, feed.venue) == (one.kind, one.venue))
    if virtual and not feed.virtual:
        raise UnsupportedDatasetError(f"KIS's virtual server streams trades and order books of KRX only, not {one}")
    return feed
