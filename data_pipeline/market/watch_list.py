"""The instruments that order books and minute bars are kept for, when nobody names others."""

from __future__ import annotations

import re
from collections.abc import Mapping

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.records import require_stock_code
from data_pipeline.settings import text, value

LARGEST_ISSUES = (
    "005930", "000660", "373220", "207940", "005380", "000270", "068270", "105560", "035420", "055550",
    "005490", "012330", "028260", "051910", "006400", "035720", "086790", "066570", "015760", "017670",
)  # fmt: skip
"""Twenty of the largest instruments of KOSPI."""


def takes_whole_market(environ: Mapping[str, str]) -> bool:
    """Return whether ``UNIVERSE`` is every listed instrument (``market``, or empty) or the watch list (``watch_list``).

    Raises:
        ConfigurationError: It is neither.
    """
    return bool(value(environ, "UNIVERSE") == "market")


def watch_list(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the codes of ``WATCH_LIST``, separated by commas or spaces; twenty large instruments when it is empty.

    Raises:
        ConfigurationError: An entry is not a stock code.
    """
    codes = re.split(r"[,\s]+", text(environ, "WATCH_LIST"))
    if codes == [""]:
        return LARGEST_ISSUES
    try:
        return tuple(dict.fromkeys(require_stock_code(code) for code in codes if code))
    except ValueError as error:
        raise ConfigurationError(f"WATCH_LIST: {error}") from error
