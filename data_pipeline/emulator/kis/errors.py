"""The errors of the KIS wire: which status and body each documented code comes with."""

from __future__ import annotations

from data_pipeline.emulator.exchange import WireError

AUTH_TEXT = {
    "EGW00002": "서버 에러가 발생했습니다.",
    "EGW00101": "유효하지 않은 요청입니다.",
    "EGW00102": "AppKey는 필수입니다.",
    "EGW00103": "유효하지 않은 AppKey입니다.",
    "EGW00104": "AppSecret은 필수입니다.",
    "EGW00105": "유효하지 않은 AppSecret입니다.",
    "EGW00112": "유효하지 않은 grant_type입니다.",
    "EGW00121": "유효하지 않은 token 입니다.",
    "EGW00133": "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)",
}
GATEWAY_TEXT = {
    "EGW00121": "유효하지 않은 token 입니다.",
    "EGW00123": "기간이 만료된 token 입니다.",
    "EGW00201": "초당 거래건수를 초과하였습니다.",
    "EGW00203": "OPS라우팅 중 오류가 발생했습니다.",
    "EGW00208": "유효하지 않은 custtype 입니다.",
    "EGW00215": "원장 초당 거래건수를 초과하였습니다.",
    "EGW00316": "조회 처리 중 오류 발생하였습니다. 재 조회 수행 부탁드립니다.",
    "EGW02006": "모의투자 TR 이 아닙니다.",
}


def auth_error(code: str) -> WireError:
    """Return the refusal of the token endpoints: HTTP 403 with ``error_code`` and ``error_description``."""
    return WireError(403, {"error_description": AUTH_TEXT[code], "error_code": code})


def gateway_error(code: str, status: int = 500) -> WireError:
    """Return the gateway's refusal of a quotation: HTTP 500 with rt_cd 1 (status 200 was seen once for EGW00123)."""
    return WireError(status, {"rt_cd": "1", "msg_cd": code, "msg1": GATEWAY_TEXT.get(code) or AUTH_TEXT[code]})


def input_error(code: str, text: str) -> WireError:
    """Return the refusal of a query field: HTTP 200 with rt_cd 2."""
    return WireError(200, {"rt_cd": "2", "msg_cd": code, "msg1": text})


def missing_field(name: str) -> WireError:
    """Return the refusal of a query that lacks a required field."""
    return input_error("OPSQ2001", f"ERROR INPUT FIELD NOT FOUND [{name}]")


def invalid_field(name: str) -> WireError:
    """Return the refusal of a query field whose value the TR does not know."""
    return input_error("OPSQ2001", f"ERROR INVALID {name}")


def wrong_size(name: str) -> WireError:
    """Return the refusal of a query field whose value has the wrong length."""
    return input_error("OPSQ2002", f"ERROR INVALID INPUT_FILED_SIZE [{name}]")


def unknown_symbol() -> WireError:
    """Return the business refusal of a stock code that is not listed: HTTP 200 with rt_cd 1."""
    return WireError(200, {"rt_cd": "1", "msg_cd": "MCA05918", "msg1": "종목코드 오류입니다."})
