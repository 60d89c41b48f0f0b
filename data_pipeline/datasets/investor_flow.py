"""Investor flows (투자자별 매매동향)."""

from __future__ import annotations

from collections.abc import Iterator

from data_pipeline.datasets.beside import DAYS_OF_ROWS
from data_pipeline.datasets.dataset import Dataset, Due, No, Size
from data_pipeline.datasets.findings import Context, Earlier, Finding, Severity
from data_pipeline.datasets.frame import CODE, SESSION, SOURCE, Column, Frame, Type
from data_pipeline.datasets.row_checks import check_session
from data_pipeline.datasets.table import Table
from data_pipeline.datasets.window_checks import check_missing
from data_pipeline.market.investor_records import INSTITUTIONS, KINDS, OTHERS, TOTALS, InvestorFlow, Traded

_ANOTHER = 0.5
"""Sources count the after-market differently; shares that differ by more than this share are another instrument's."""
_WON = {"volume": "shares", "value": "won, exact to a million"}
_COLUMNS = (
    "stock_code",
    "session",
    "volume",
    *(f"{kind}_{what}" for kind in (*TOTALS, *KINDS) for what in Traded._fields),
)


def _values(flow: InvestorFlow) -> tuple[object, ...]:
    unknown = (None,) * len(Traded._fields)
    amounts = (amount for kind in (*TOTALS, *KINDS) for amount in flow.of(kind) or unknown)
    return (flow.stock_code, flow.session, flow.volume, *amounts)


def _columns(kind: str) -> Iterator[Column]:
    for what, unit in _WON.items():
        sides = [f"{kind}_{side}_{what}" for side in ("bought", "sold")]
        yield from (Column(name, Type.WHOLE, unit, nullable=kind in KINDS) for name in sides)
        net = f"b.{sides[0]} - b.{sides[1]}"
        yield Column(f"{kind}_net_{what}", Type.WHOLE, unit, net, nullable=kind in KINDS)


def check_investor_flow(flow: InvestorFlow, earlier: Earlier, context: Context) -> Iterator[Finding]:
    """Yield what is wrong with a row: its session, its shares beside the day's, or sums over kinds that do not fit."""
    yield from check_session(flow, flow.session, context)
    yield from _check_day(flow, earlier)
    for side in ("bought_volume", "sold_volume"):
        own = sum(getattr(flow.of(kind), side) for kind in TOTALS)
        if flow.volume is not None and own > flow.volume:
            problem = f"{side} of the three totals is {own:,} of {flow.volume:,} shares"
            yield Finding("volume", Severity.ERROR, problem, flow)
        if not flow.kinds:
            continue
        institutions = sum(getattr(flow.kinds[kind], side) for kind in INSTITUTIONS)
        if institutions != getattr(flow.institution, side):
            problem = f"{side} of institutions is {getattr(flow.institution, side):,}, of their kinds {institutions:,}"
            yield Finding("kinds", Severity.WARNING, problem, flow)
        everybody = own + sum(getattr(flow.kinds[kind], side) for kind in OTHERS)
        if flow.volume is not None and everybody != flow.volume:
            problem = f"{side} of everybody is {everybody:,} of {flow.volume:,} shares"
            yield Finding("kinds", Severity.WARNING, problem, flow)


def _check_day(flow: InvestorFlow, earlier: Earlier) -> Iterator[Finding]:
    """Yield whether the shares are not those of the stored daily bar: the row is of another instrument or session."""
    bar = earlier.of(flow.stock_code, flow.session)
    if bar is None:
        return
    totals = (flow.individual, flow.foreign, flow.institution)
    told = sum(one.bought_volume for one in totals) if flow.volume is None else flow.volume
    too_few = flow.volume is not None and told < (1 - _ANOTHER) * bar.volume
    if too_few or told * (1 - _ANOTHER) > bar.volume:
        yield Finding("day_bar", Severity.ERROR, f"{told:,} shares, but the day had {bar.volume:,}", flow)


INVESTOR_FLOW = Dataset(
    title="investor flows (투자자별 매매동향)",
    about="shares and won bought and sold on one session of one instrument by kind of investor, won to a million",
    table=Table(
        "investor_flow", InvestorFlow, _COLUMNS, ("stock_code", "session"), _values, day="session", sealed=True
    ),
    due=Due.EACH_SESSION,
    ask=lambda source, window: source.investor_flows(window.stock_codes, window.first, window.last),
    market_day=No("KRX's Open API does not offer them"),
    size=Size(1, lambda shape: shape.flows_page),
    beside=DAYS_OF_ROWS,
    check=check_investor_flow,
    check_window=check_missing,
    sieve=No("its rows are few"),
    follows=No("nothing is made of investor flows"),
    second_chance=No("a session is asked for again with thirty others in one request"),
    past=True,
    present=No("KIS tells them after the close only; what it estimates before is not stored"),
    frame=Frame(
        "investor_flows",
        "investor_flow",
        [
            CODE,
            SESSION,
            Column("volume", Type.WHOLE, "shares", nullable=True),
            *(column for kind in (*TOTALS, *KINDS) for column in _columns(kind)),
            SOURCE,
        ],
        "b.stock_code, b.session",
    ),
    archive=No("it has no months of its own, and its row proves its cell"),
    loaded_by=("investor_flows",),
)
