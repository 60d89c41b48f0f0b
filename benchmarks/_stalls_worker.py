"""One process of the stalls benchmark: ``_stalls_worker URL QUOTA THREADS``; it sends until its input ends.

It then prints the monotonic times at which its calls left, as one JSON list.
"""

from __future__ import annotations

import json
import sys
import threading
import time

from data_pipeline.client.rate_limit import TokenBucketRateLimiter
from data_pipeline.coordination.opening import open_store


def main(url: str, quota: str, threads: str) -> None:
    """Take slots as fast as they come, each followed by a call that takes no time."""
    limiter = TokenBucketRateLimiter(open_store(url, {}, wait=30.0), "k", float(quota))
    times: list[float] = []
    ended = threading.Event()

    def send() -> None:
        while not ended.is_set():
            limiter.acquire()
            times.append(time.monotonic())

    callers = [threading.Thread(target=send) for _ in range(int(threads))]
    for caller in callers:
        caller.start()
    sys.stdin.read()
    ended.set()
    for caller in callers:
        caller.join()
    print(json.dumps(times))


if __name__ == "__main__":
    main(*sys.argv[1:])
