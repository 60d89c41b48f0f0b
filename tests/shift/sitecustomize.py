"""Shifts the clock of every Python process by ``SHIFT_DAYS``; `make test SHIFT_DAYS=400` puts this folder on the path.

Python runs this file when it starts, so child processes, test workers and Airflow are shifted alike. Clocks that only
count (``time.monotonic``) and sleeping stay as they are, and servers that are no Python (Postgres, the one that speaks
Redis) keep the machine's date.
"""

import os

if _days := os.environ.get("SHIFT_DAYS"):
    from datetime import datetime, timedelta, timezone

    import time_machine

    time_machine.travel(datetime.now(timezone.utc) + timedelta(days=float(_days)), tick=True).start()
