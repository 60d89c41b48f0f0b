"""What stands before every quotation: headers, server kind, quotas."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"appkey": "short"}, "EGW00103"),
        ({"appkey": ""}, "EGW00102"),
        ({"appsecret": "short"}, "EGW00105"),
        ({"custtype": "X"}, "EGW00208"),
        ({"tr_id": "FHKST01010200"}, "EGW00203"),
        ({"authorization": ""}, "EGW00121"),
    ],
)
def test_a_wrong_header_is_refused_with_500(kis, changed, code):
    """Wrong key, secret, customer type, TR and token are HTTP 500 with rt_cd 1 and their code."""
    headers = kis.headers("inquire-price", **changed)
    answer = kis.get("inquire-price", headers, FID_COND_MRKT_DIV_CODE="J", FID_INPUT_ISCD="005930")
    assert (answer.status_code, answer.json()["rt_cd"], answer.json()["msg_cd"]) == (500, "1", code)


@pytest.mark.thorough
def test_the_customer_type_may_be_left_out(kis):
    """Clients that send no custtype are served."""
    headers = kis.headers("inquire-price")
    del headers["custtype"]
    answer = kis.get("inquire-price", headers, FID_COND_MRKT_DIV_CODE="J", FID_INPUT_ISCD="005930")
    assert answer.json()["rt_cd"] == "0"


def test_the_virtual_server_lacks_real_only_trs(start):
    """Multi-price, past minutes, search-stock-info and chk-holiday are EGW02006 there; the quote is served."""
    kis = start(server="virtual")
    assert kis.price().json()["rt_cd"] == "0"
    for name in ("intstock-multprice", "inquire-time-dailychartprice", "search-stock-info", "chk-holiday"):
        answer = kis.get(name)
        assert (answer.status_code, answer.json()["msg_cd"]) == (500, "EGW02006")


@pytest.mark.parametrize(("server", "quota"), [("real", 18), ("virtual", 1)])
def test_the_quota_is_the_servers_own(start, server, quota):
    """18 calls a second on the real server, one on the virtual; the next is HTTP 500 EGW00201."""
    kis = start(server=server, rate=None)
    assert [kis.price().status_code for _ in range(quota)] == [200] * quota
    answer = kis.price()
    assert (answer.status_code, answer.json()["msg_cd"]) == (500, "EGW00201")
    kis.monotonic.now += 1
    assert kis.price().status_code == 200


def test_ledger_trs_have_a_quota_of_their_own(start):
    """A ledger TR over its quota is EGW00215 and leaves the other quota untouched."""
    kis = start(rate=1, ledger_rate=1)
    info = {"PRDT_TYPE_CD": "300", "PDNO": "005930"}
    assert kis.get("search-stock-info", **info).status_code == 200
    answer = kis.get("search-stock-info", **info)
    assert (answer.status_code, answer.json()["msg_cd"]) == (500, "EGW00215")
    assert kis.price().status_code == 200


def test_limits_change_while_it_runs(start):
    """PUT /emulator/limits takes effect at once; a quota of 0 is refused and nothing changes."""
    kis = start(rate=5)
    assert kis.request("PUT", "/emulator/limits", json={"rate": 1}).json()["rate"] == 1
    assert [kis.price().status_code for _ in range(2)] == [200, 500]
    assert kis.request("PUT", "/emulator/limits", json={"rate": 0}).status_code == 422
    assert kis.request("GET", "/emulator/limits").json()["rate"] == 1


def test_an_unknown_path_is_404(kis):
    """A quotation that is not emulated is HTTP 404 with a gateway code, an unknown master file 404."""
    assert kis.request("GET", "/uapi/domestic-stock/v1/quotations/nothing").status_code == 404
    assert kis.request("GET", "/common/master/nothing.mst.zip").status_code == 404
