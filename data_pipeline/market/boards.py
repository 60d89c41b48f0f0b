"""Since when the exchange has had what did not always exist; before that, its absence is no gap."""

from __future__ import annotations

from datetime import date

KONEX_OPENED = date(2013, 7, 1)
"""The first session of the board KONEX (코넥스), and the first that the KRX Open API has of it."""
ETNS_BEGAN = date(2014, 11, 17)
"""The first session of exchange traded notes (ETN), and the first that the KRX Open API has of them."""
