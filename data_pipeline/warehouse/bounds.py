"""How long a connection waits for a host that is gone, in libpq's parameters."""

from __future__ import annotations

BOUNDS = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""A host or a network that is gone is noticed within a minute. The last one is in milliseconds, the first two in
seconds."""
