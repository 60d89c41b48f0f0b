"""Lists of instruments (종목)."""

from __future__ import annotations

from operator import attrgetter

from data_pipeline.datasets.dataset import Dataset, Due, No
from data_pipeline.datasets.frame import CODE, SOURCE, Column, Frame, Type, text
from data_pipeline.datasets.table import Table
from data_pipeline.market.records import Instrument

_COLUMNS = (
    "stock_code", "isin", "name", "market", "security_group", "as_of", "listed_on", "listed_shares", "face_value",
    "base_price", "halted", "managed", "liquidation", "preferred",
)  # fmt: skip
_FACTS = [
    CODE,
    text("isin", "ISO 6166 code"),
    text("name", "abbreviated Korean name (한글 종목약명)"),
    text("market", "KOSPI, KOSDAQ or KONEX"),
    text("security_group", "group code (증권그룹구분)"),
    Column("listed_on", Type.DAY, "date in Seoul", nullable=True),
    Column("listed_shares", Type.WHOLE, "shares", nullable=True),
    Column("face_value", Type.REAL, "won or the issuer's currency", "b.face_value::float8", nullable=True),
    *(Column(name, Type.FLAG, "whether", nullable=True) for name in ("halted", "managed", "liquidation")),
    Column("preferred", Type.FLAG, "whether"),
]
INSTRUMENTS_ON = Frame(
    "instruments",
    "instrument_history",
    [*_FACTS, Column("valid_from", Type.DAY, "date in Seoul", "b.valid_from::date"), SOURCE],
    "b.stock_code",
)
"""The frame of those listed on one day, as they stood then."""

INSTRUMENT = Dataset(
    title="lists of instruments (종목)",
    about="one instrument as the list of a session names it; the history is worked out from all lists",
    table=Table("instrument", Instrument, _COLUMNS, ("stock_code",), attrgetter(*_COLUMNS), day="as_of"),
    due=Due.LIST,
    ask=lambda source, window: source.instruments(window.last),
    market_day=No("each list is of the whole market already"),
    size=No("it is not asked for by code"),
    beside=No("its lists are compared after they are stored"),
    check=No("the history keeps what every list said, so that a later one can correct it"),
    check_window=No("a list that is much shorter than the one before is refused where lists are kept"),
    sieve=No("its rows are not checked"),
    follows=No("the history of instruments is part of keeping a list"),
    second_chance=No("a row alone is no list; the next list brings it again"),
    past=True,
    present=No("it changes once a day"),
    frame=Frame(
        "instruments",
        "instrument",
        [
            *_FACTS,
            Column("as_of", Type.DAY, "date in Seoul", "b.as_of::date"),
            Column("delisted_on", Type.DAY, "date in Seoul", nullable=True),
            SOURCE,
        ],
        "b.stock_code",
    ),
    archive=No("every list is needed to know who was listed"),
    loaded_by=("market_reference", "daily_bars_official"),
)
