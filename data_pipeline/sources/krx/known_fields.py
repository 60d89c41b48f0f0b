"""The fields of each KRX service, so that a new one is noticed.

Source: the service descriptions of the KRX Open API (개발 명세서), and observed answers.
"""

from __future__ import annotations

import json
from importlib.resources import files


def _read() -> dict[str, frozenset[str]]:
    text = files("data_pipeline.sources.krx").joinpath("known_fields.json").read_text("utf-8")
    return {f"KRX {service}": frozenset(names) for service, names in json.loads(text).items()}


KNOWN_FIELDS = _read()
"""``KRX`` and the service, as its rows in quarantine name them, to the names of its fields."""
