"""Single trades of the quoted session: ``inquire-time-itemconclusion`` (by time) and ``inquire-ccnl`` (the newest)."""

from __future__ import annotations

from data_pipeline.emulator.kis.errors import invalid_field, wrong_size
from data_pipeline.emulator.kis.quote import Quote, read_quote
from data_pipeline.emulator.kis.stream.records import clock_text
from data_pipeline.emulator.kis.stream.stage import milliseconds
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import SYMBOL, Answer, Call, Endpoint, change, envelope, percent, plain_sign
from data_pipeline.market.venue import Venue
from data_pipeline.sources.mock.tape import Tick

PAGE = 30
VENUES = {"J": Venue.KRX, "NX": Venue.NXT, "UN": Venue.UNIFIED}
DAY = 24 * 3_600_000


def answer_by_time(view: MarketView, call: Call) -> Answer:
    """Return up to 30 trades up to and with the second HOUR_1, newest first.

    There is no page inside a second: of one that had more than 30, the older ones cannot be had.
    """
    code = call.code()
    quote = read_quote(view, code, call.moment)
    bar = quote.bar
    head = {
        "stck_prpr": str(bar.close),
        **change(bar, quote.limits),
        "acml_vol": str(bar.volume),
        "prdy_vol": str(quote.before.volume if quote.before else 0),
        "rprs_mrkt_kor_name": quote.instrument.market,
    }
    ticks = _ticks(view, call, min(_hour(call) + 1_000, _now(call)))
    midnight = call.now.replace(hour=0, minute=0, second=0, microsecond=0)
    rows = []
    for one in ticks:
        book = view.market.book_beside(code, call.moment.session, midnight, one.price, one.cumulative_volume)
        quotes = {"askp": str(book.best_ask), "bidp": str(book.best_bid)}
        rows.append({**_row(quote, one), **quotes, "acml_vol": str(one.cumulative_volume), "cnqn": str(one.volume)})
    return envelope({"output1": head, "output2": rows})


def answer_newest(view: MarketView, call: Call) -> Answer:
    """Return the last 30 trades, newest first."""
    quote = read_quote(view, call.code(), call.moment)
    ticks = _ticks(view, call, _now(call))
    return envelope({"output": [{**_row(quote, one), "cntg_vol": str(one.volume)} for one in ticks]})


def _row(quote: Quote, one: Tick) -> dict[str, str]:
    rise = one.price - quote.base
    return {
        "stck_cntg_hour": clock_text(one.at),
        "stck_prpr": str(one.price),
        "prdy_vrss": str(rise),
        "prdy_vrss_sign": plain_sign(rise),
        "tday_rltv": percent(one.buy_volume, one.sell_volume),
        "prdy_ctrt": percent(rise, quote.base),
    }


def _ticks(view: MarketView, call: Call, until: int) -> list[Tick]:
    session, venue = call.moment.session, VENUES[call.query["FID_COND_MRKT_DIV_CODE"]]
    key = ("tape", call.code(), session, venue)
    tape = view.fragments.get(key, lambda: view.market.tape(call.code(), session, venue))
    return tape.before(until, PAGE)


def _now(call: Call) -> int:
    """Return up to when the session has run; the whole day once it is over."""
    return milliseconds(call.now) if call.now.date() == call.moment.session else DAY


def _hour(call: Call) -> int:
    text = call.query["FID_INPUT_HOUR_1"]
    if not text:
        return DAY
    if len(text) != 6:
        raise wrong_size("FID_INPUT_HOUR_1")
    if not text.isdecimal() or int(text[:2]) > 23 or int(text[2:4]) > 59 or int(text[4:]) > 59:
        raise invalid_field("FID_INPUT_HOUR_1")
    return 1000 * (int(text[:2]) * 3600 + int(text[2:4]) * 60 + int(text[4:]))


BY_TIME = Endpoint(
    "inquire-time-itemconclusion",
    "FHPST01060000",
    answer_by_time,
    (*SYMBOL, ("FID_INPUT_HOUR_1", 10)),
    slow=True,
    empty_outputs={"output1": {}, "output2": []},
)
NEWEST = Endpoint("inquire-ccnl", "FHKST01010300", answer_newest, SYMBOL, slow=True, empty_outputs={"output": []})
