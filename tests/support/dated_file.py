"""A file that was written just now by the clock of this process, which a run on another date has shifted."""

import os
import time
from pathlib import Path


def write_now(path: Path, content: bytes) -> None:
    """Write a file and date it; the file system alone would date it by the machine's own clock."""
    path.write_bytes(content)
    present = time.time()
    os.utime(path, (present, present))
