"""Three faults of a server that is right otherwise, so that a market that is made up has something to be found in it.

Each plays once, on the first answer that it matches: whoever asks again hears what is right.
"""

from __future__ import annotations

from typing import Any

REFUSED, CORRECTED, STRAY = "030200", "033780", "005930"
LIVELY: tuple[dict[str, Any], ...] = (
    {
        "kind": "scaled", "path": "intstock-multprice", "stock_code": REFUSED, "field": "acml_tr_pbmn", "value": "0.1",
        "count": 1,
    },
    {
        "kind": "scaled", "path": "intstock-multprice", "stock_code": CORRECTED, "field": "acml_vol", "value": "0.99",
        "count": 1,
    },
    {"kind": "closed_day", "path": "inquire-daily-itemchartprice", "stock_code": STRAY, "count": 1},
)  # fmt: skip
"""A value that cannot be that of its volume, which a check refuses and a second answer heals; a volume that is a
hundredth too low, which fits and is restated once two other answers agree; and a bar of a day without a session."""
