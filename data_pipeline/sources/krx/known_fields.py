"""The fields of each KRX service, so that a new one is noticed.

Source: the service descriptions of the KRX Open API (개발 명세서), and observed answers.
"""

from __future__ import annotations

from data_pipeline.sources.vendor_data import vendor_data

KNOWN_FIELDS = {f"KRX {name}": frozenset(fields) for name, fields in vendor_data("krx", "known_fields").items()}
"""``KRX`` and the service, as its rows in quarantine name them, to the names of its fields."""
