"""What a vendor answers while its service is away, in every dress that users have seen."""

from __future__ import annotations

from data_pipeline.emulator.exchange import Reply, WireError, dumps
from data_pipeline.emulator.kis.errors import gateway_error

_HTML = "text/html; charset=euc-kr"
_PAGE = (
    '<html><head><meta charset="euc-kr"><title>시스템 점검 안내</title></head>'
    "<body>점검 시간: 02:00 ~ 05:30</body></html>"
).encode("euc-kr")
_CUT = _PAGE.index("점검".encode("euc-kr")) + 3
"""One byte into a letter of two."""


def _coded(error: WireError) -> Reply:
    return Reply(error.status, dumps(error.body), error.code)


DRESSES = {
    "page": Reply(200, _PAGE, media=_HTML),
    "cut_page": Reply(200, _PAGE[:_CUT], media=_HTML),
    "empty": Reply(200, b"", media=_HTML),
    "redirect": Reply(302, b"", media=_HTML, location="/maintenance.html"),
    "403": Reply(403, _PAGE, media=_HTML),
    "404": Reply(404, _PAGE, media=_HTML),
    "408": Reply(408, _PAGE, media=_HTML),
    "429": Reply(429, _PAGE, media=_HTML),
    "503": Reply(503, _PAGE, media=_HTML),
    "EGW00316": _coded(gateway_error("EGW00316")),
    "unknown_code": _coded(WireError(500, {"rt_cd": "1", "msg_cd": "EGW99999", "msg1": ""})),
}
"""By the name that a fault gives as its ``value``."""
