"""Reading documented environment variables, the same way for every vendor."""

from __future__ import annotations

import re
from collections.abc import Mapping

_COMMENT = re.compile(r"(^|\s)#.*")


def setting(environ: Mapping[str, str], variable: str) -> str:
    """Return the value of a variable without surrounding blanks and without a comment behind it; empty when not set."""
    return _COMMENT.sub("", environ.get(variable, "")).strip()
