"""Charts, whose places are worked out by hand."""

from datetime import date

from data_pipeline.pages.chart import Candle, bars, draw, evenly, line, place_of, scale_of

DAYS = [date(2026, 9, number) for number in (14, 15, 16, 17)]


def test_ticks_are_round_and_enclose_everything():
    """Four steps of at least 2,325 from 70,900 to 80,200 are of 2,500: from 70,000 to 82,500."""
    scale = scale_of([70_900.0, 80_200.0])
    assert scale.ticks == (82_500, 80_000, 77_500, 75_000, 72_500, 70_000)
    assert (scale.y(82_500), scale.y(70_000), scale.y(76_250)) == (0, 300, 150)


def test_one_price_has_a_scale_too():
    """A price that never moved lies within its ticks."""
    scale = scale_of([1000.0])
    assert scale.low < 1000 < scale.high


def test_candles_stand_where_their_prices_are():
    """Four sessions of 250 units: one rises, one falls, nothing traded on one, one is not stored."""
    drawing = draw(
        [
            Candle(DAYS[0], 100.0, 140.0, 100.0, 120.0, 10.0),
            Candle(DAYS[1], 120.0, 120.0, 110.0, 110.0, 5.0),
            Candle(DAYS[2], 0.0, 0.0, 0.0, 110.0, 0.0),
            Candle(DAYS[3]),
        ]
    )
    assert drawing.scale.ticks == (140, 130, 120, 110, 100)
    # 140 lies at 0 and 100 at 300; the body is seven tenths of the width: 125 - 87.5 to 125 + 87.5.
    assert drawing.rising == "M125 0V300M37.5 150H212.5V300H37.5z"
    assert drawing.falling == "M375 150V225M287.5 150H462.5V225H287.5z"
    assert drawing.flat == "M537.5 225H712.5"
    assert drawing.gaps == "M750 0H1000V300H750z"
    assert drawing.volumes == "M37.5 70V0H212.5V70zM287.5 70V35H462.5V70z"
    assert drawing.most_volume == 10


def test_nothing_is_a_chart_without_candles():
    """No path, and ticks all the same."""
    drawing = draw([])
    assert (drawing.rising, drawing.falling, drawing.gaps, drawing.labels) == ("", "", "", ())


def test_a_line_breaks_where_there_is_no_value():
    """Three places of 500 units, of which the middle one is empty."""
    assert line([100.0, None, 140.0], scale_of([100.0, 140.0])) == "M0 300M1000 0"


def test_bars_stand_on_the_ground():
    """Two bars of 500 units, one as tall as the plot and one of half of it."""
    assert bars([4.0, 2.0], 4.0) == "M75 70V0H425V70zM575 70V35H925V70z"


def test_marks_and_labels():
    """A session's middle; labels are spread evenly, with both ends."""
    assert place_of(DAYS, DAYS[1]) == 375
    assert evenly([date(2026, 9, 1 + number) for number in range(9)]) == tuple(
        date(2026, 9, number) for number in (1, 3, 5, 7, 9)
    )
    assert evenly(DAYS) == tuple(DAYS)
