"""The zone of the exchange."""

from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")
