"""Whatever KRX's server sends, a bar is right or the error is one of ours."""

from __future__ import annotations

import io
import json
from typing import Any

import requests
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.exceptions import DataPipelineError
from data_pipeline.market.records import DailyBar
from data_pipeline.sources.krx.endpoints import STOCK_BARS
from data_pipeline.sources.krx.parse import parse_daily_bars
from data_pipeline.sources.krx.parse_answer import parse_answer
from tests.support.krx_answers import BAR, FRIDAY

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        ["", "-", "0", "-1", "1e400", "NaN", "71,000", "71000", " 5 ", "20261119", "٣", "9" * 19, None, 7, []]
    ),
    st.text(max_size=8),
)
ROWS = st.dictionaries(st.sampled_from(sorted(BAR)), VALUES, max_size=4).map(lambda change: BAR | change)
MISSING = st.sampled_from(sorted(BAR)).map(lambda name: {key: value for key, value in BAR.items() if key != name})
BODIES = st.one_of(
    st.binary(max_size=200),
    st.lists(ROWS | MISSING | st.none(), max_size=3).map(lambda rows: json.dumps({"OutBlock_1": rows}).encode()),
    st.integers(0, 400).map(lambda cut: json.dumps({"OutBlock_1": [BAR]}).encode()[:cut]),
    st.just(json.dumps({"OutBlock_1": [BAR]}, ensure_ascii=False).encode("euc-kr")),
)


@given(body=BODIES, status=st.sampled_from([200, 200, 200, 204, 400, 401, 403, 404, 429, 500, 503]))
def test_no_answer_makes_a_wrong_bar_or_a_foreign_error(body, status):
    """Cut, mixed, mistyped or foreign bodies of any status."""
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(body)
    try:
        bars = list(parse_daily_bars(parse_answer(response, STOCK_BARS[0], "KRX test"), FRIDAY))
    except DataPipelineError:
        return
    assert status == 200
    for bar in bars:
        assert isinstance(bar, DailyBar)
        assert bar.session == FRIDAY
        assert bar.close > bar.change
        assert bar.volume == 0 or 0 < bar.low <= min(bar.open, bar.close)
