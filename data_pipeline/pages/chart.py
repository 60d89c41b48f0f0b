"""Charts as SVG, drawn here: they need no script, and weigh what their figures weigh.

A plot is stretched to the width that there is, so labels are not part of it: ticks are evenly spaced, and the page sets
them beside it as text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 1000, 300
VOLUME = 70
"""Heights of the two plots, in units of the drawing."""
TICKS = 5


@dataclass(frozen=True)
class Candle:
    """One session; prices are None where nothing is stored or where no factor is known."""

    session: date
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None
    volume: float | None = None

    @property
    def traded(self) -> bool:
        """Whether there was a trade."""
        return bool(self.open)


@dataclass(frozen=True)
class Scale:
    """Evenly spaced ticks that enclose all values."""

    low: float
    high: float
    ticks: tuple[float, ...]
    """Highest first, as they stand on the page."""

    def y(self, value: float, height: int = HEIGHT) -> float:
        """Return where a value lies, from the top."""
        return height * (self.high - value) / (self.high - self.low)


@dataclass(frozen=True)
class Drawing:
    """A chart of daily bars."""

    rising: str
    falling: str
    flat: str
    """Paths of the candles, by how they closed against how they opened; ``flat`` is sessions without a trade."""
    volumes: str
    gaps: str
    """Sessions of which no price is known."""
    scale: Scale
    most_volume: float
    labels: tuple[date, ...]
    """Sessions under the plot, evenly spaced, the first and the last included."""


def scale_of(values: Iterable[float]) -> Scale:
    """Return ticks at round figures around the values; around 0 to 1 when there are none."""
    found = [value for value in values if math.isfinite(value)]
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    if low == high:
        low, high = low * 0.98, high * 1.02 or 1.0
    step = _round_step((high - low) / (TICKS - 1))
    first = math.floor(low / step) * step
    count = max(TICKS, math.ceil((high - first) / step) + 1)
    ticks = tuple(first + step * number for number in reversed(range(count)))
    return Scale(ticks[-1], ticks[0], ticks)


def draw(candles: Sequence[Candle]) -> Drawing:
    """Return the chart of the sessions, oldest first; each takes the same width, stored or not."""
    prices = [price for one in candles for price in _prices(one)]
    scale = scale_of(prices)
    width = WIDTH / max(len(candles), 1)
    paths: dict[str, list[str]] = {"rising": [], "falling": [], "flat": [], "gaps": []}
    for place, one in enumerate(candles):
        kind, path = _candle(one, place * width, width, scale)
        paths[kind].append(path)
    most = max((one.volume or 0 for one in candles), default=0) or 1.0
    volumes = "".join(_volumes(candles, width, most))
    joined = {kind: "".join(found) for kind, found in paths.items()}
    return Drawing(
        **joined, volumes=volumes, scale=scale, most_volume=most, labels=evenly([c.session for c in candles])
    )


def line(values: Sequence[float | None], scale: Scale, height: int = HEIGHT) -> str:
    """Return the path of a line through values that are evenly spaced; it breaks where there is none."""
    step, path, pen = WIDTH / max(len(values) - 1, 1), [], "M"
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        path.append(f"{pen}{_n(place * step)} {_n(scale.y(value, height))}")
        pen = "L"
    return "".join(path)


def bars(values: Sequence[float | None], most: float, height: int = VOLUME) -> str:
    """Return the path of bars that stand on the ground, the highest of so much as tall as the plot."""
    width = WIDTH / max(len(values), 1)
    return "".join(_bar(place, value, width, most, height) for place, value in enumerate(values) if value)


def place_of(sessions: Sequence[date], session: date) -> float:
    """Return where the middle of a session lies on the plot, from the left."""
    return round((list(sessions).index(session) + 0.5) * WIDTH / len(sessions), 1)


def evenly(items: Sequence[date], most: int = 5) -> tuple[date, ...]:
    """Return at most so many of the items, evenly spaced, the first and the last included."""
    if len(items) <= most:
        return tuple(items)
    return tuple(items[round(number * (len(items) - 1) / (most - 1))] for number in range(most))


def _candle(one: Candle, left: float, width: float, scale: Scale) -> tuple[str, str]:
    middle, half = left + width / 2, max(width * 0.35, 0.2)
    if one.close is None:
        return "gaps", f"M{_n(left)} 0H{_n(left + width)}V{HEIGHT}H{_n(left)}z"
    if not (one.traded and one.open and one.high and one.low):
        return "flat", f"M{_n(middle - half)} {_n(scale.y(one.close))}H{_n(middle + half)}"
    top, bottom = scale.y(max(one.open, one.close)), scale.y(min(one.open, one.close))
    wick = f"M{_n(middle)} {_n(scale.y(one.high))}V{_n(scale.y(one.low))}"
    body = f"M{_n(middle - half)} {_n(top)}H{_n(middle + half)}V{_n(max(bottom, top + 0.6))}H{_n(middle - half)}z"
    return ("falling" if one.close < one.open else "rising"), wick + body


def _volumes(candles: Sequence[Candle], width: float, most: float) -> Iterator[str]:
    for place, one in enumerate(candles):
        if one.volume:
            yield _bar(place, one.volume, width, most, VOLUME)


def _bar(place: int, value: float, width: float, most: float, height: int) -> str:
    left, tall = (place + 0.15) * width, height * value / most
    return f"M{_n(left)} {height}V{_n(height - tall)}H{_n(left + width * 0.7)}V{height}z"


def _prices(one: Candle) -> Iterator[float]:
    if one.close is not None:
        yield one.close
    if one.traded and one.high is not None and one.low is not None:
        yield one.high
        yield one.low


def _round_step(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * round_one for round_one in (1, 2, 2.5, 5, 10) if size * round_one >= rough * 0.999)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
