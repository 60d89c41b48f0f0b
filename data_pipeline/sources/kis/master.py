"""The stock master files (종목 마스터): fixed-width rows, counted in bytes, into instruments.

Source: koreainvestment/open-trading-api, stocks_info/kis_{kospi,kosdaq,konex}_code_mst.py and 종목마스터정보.
"""

from __future__ import annotations

import io
import logging
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from data_pipeline.exceptions import PayloadError
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.records import Instrument
from data_pipeline.sources.kis.codes import short_code

logger = logging.getLogger(__name__)

_LARGEST_FILE = 16 * 1024 * 1024
_CODE, _ISIN, _NAME, _TAIL = slice(0, 9), slice(9, 21), slice(21, 61), 61
_OTHER_PRODUCT = re.compile(r"[0-9A-Z]{7,9}")
"""Codes of funds and warrants, longer than a stock's; they are not instruments of the three markets."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """One file's rows: the width of the tail, and where in it the trading fields begin."""

    tail: int
    trading: int


_LAYOUTS = {"KOSPI": _Layout(227, 41), "KOSDAQ": _Layout(221, 36), "KONEX": _Layout(184, 2)}

# Offsets within the trading fields, which are the same in all three files.
_BASE_PRICE, _PAR, _LISTED_ON, _SHARES = slice(0, 9), slice(52, 64), slice(64, 72), slice(72, 87)
_THOUSAND = 1000
"""The unit of 상장주수(천) in all three files: 000020 has 27931 there, for a capital of 27,931,470,000 won in shares of
1,000 won."""
_HALTED, _LIQUIDATION, _MANAGED, _PREFERRED = slice(19, 20), slice(20, 21), slice(21, 22), slice(117, 118)


def parse_master(market: str, zipped: bytes, session: date) -> list[Instrument]:
    """Return the instruments of one market, in the order of the file.

    Rows of funds and warrants, whose codes are longer than six characters, are left out and counted in the log.
    ``listed_shares`` is in whole thousands, as precise as the files are. Fewer than a thousand count as unknown.

    Args:
        market: KOSPI, KOSDAQ or KONEX.
        zipped: The downloaded file.
        session: The session that the file describes.

    Raises:
        PayloadError: It is not a zip of one ``.mst`` file, a row is too short or has a malformed field, or a code
            occurs twice. The message names the file and the line.
    """
    content = _unzipped(market, zipped)
    found: dict[str, Instrument] = {}
    # Fields are counted from the front, so that whatever KIS may add after them shifts none.
    width = longest = _TAIL + _LAYOUTS[market].tail
    for number, line in enumerate(_lines(content), 1):
        where = f"KIS {market} master, line {number}"
        if len(line) < width:
            raise _line_error(f"{where}: {len(line)} bytes instead of {width}", line)
        longest = max(longest, len(line))
        row = _MasterRow(where, line, _TAIL + _LAYOUTS[market].trading)
        if row.stock_code is not None and row.stock_code in found:
            raise _line_error(f"{where}: stock_code {row.stock_code} stands in the file twice", line)
        if row.stock_code is not None:
            found[row.stock_code] = row.instrument(row.stock_code, market, session)
    if longest > width:
        logger.warning("KIS %s master: %d new bytes behind each line, not used", market, longest - width)
    if not found:
        raise PayloadError(f"KIS {market} master: the file holds no instrument")
    return list(found.values())


class _MasterRow:
    def __init__(self, where: str, line: bytes, trading: int) -> None:
        self._where = where
        self._line = line
        self._trading = line[trading:]

    @property
    def stock_code(self) -> str | None:
        """The short code; None for a fund or a warrant."""
        code = short_code(self._text("code", self._line[_CODE]))
        if len(code) > 6 and _OTHER_PRODUCT.fullmatch(code):
            logger.info("%s: %s is no instrument of the market and is left out", self._where, code)
            return None
        return code

    def instrument(self, stock_code: str, market: str, session: date) -> Instrument:
        """Return the record, or raise PayloadError."""
        try:
            return Instrument(
                stock_code=stock_code,
                isin=self._text("ISIN", self._line[_ISIN]),
                name=self._text("name", self._line[_NAME]),
                market=market,
                security_group=self._text("group", self._line[_TAIL : _TAIL + 2]),
                as_of=session,
                listed_on=self._day("listing day", _LISTED_ON),
                listed_shares=self._thousands("listed shares", _SHARES),
                face_value=self._number("par value", _PAR),
                base_price=self._whole("base price", _BASE_PRICE),
                halted=self._flag("halted", _HALTED),
                managed=self._flag("managed", _MANAGED),
                liquidation=self._flag("liquidation", _LIQUIDATION),
                preferred=self._text("preferred", self._trading[_PREFERRED]) not in {"", "0"},
            )
        except ValueError as error:
            raise _line_error(f"{self._where}: {error}", self._line) from error

    def _text(self, name: str, raw: bytes) -> str:
        try:
            return raw.decode("cp949").strip()
        except UnicodeDecodeError:
            raise self._wrong(name, raw) from None

    def _number(self, name: str, field: slice) -> float | None:
        text = self._text(name, self._trading[field])
        if text and not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
            raise self._wrong(name, self._trading[field])
        return float(text or 0) or None

    def _whole(self, name: str, field: slice) -> int | None:
        text = self._text(name, self._trading[field])
        if text and not re.fullmatch(r"[0-9]+", text):
            raise self._wrong(name, self._trading[field])
        return int(text or 0) or None

    def _thousands(self, name: str, field: slice) -> int | None:
        thousands = self._whole(name, field)
        return None if thousands is None else thousands * _THOUSAND

    def _flag(self, name: str, field: slice) -> bool:
        if self._trading[field] not in {b"Y", b"N"}:
            raise self._wrong(name, self._trading[field])
        return self._trading[field] == b"Y"

    def _day(self, name: str, field: slice) -> date | None:
        text = self._text(name, self._trading[field])
        if not text.strip("0"):
            return None
        try:
            return datetime.strptime(text, "%Y%m%d").replace(tzinfo=SEOUL).date()
        except ValueError:
            raise self._wrong(name, self._trading[field]) from None

    def _wrong(self, name: str, raw: bytes) -> PayloadError:
        return _line_error(f"{self._where}: field {name} is {raw!r}", self._line)


def _line_error(problem: str, line: bytes) -> PayloadError:
    error = PayloadError(problem)
    error.payload, error.origin = {"line": line.decode("cp949", "backslashreplace")}, problem.split(", ", maxsplit=1)[0]
    return error


def _lines(content: bytes) -> Iterator[bytes]:
    lines = content.split(b"\n")
    # The last line of the KOSPI file has no newline, that of the others has one.
    yield from lines[:-1] if lines[-1] == b"" else lines


def _unzipped(market: str, zipped: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
            files = [one for one in archive.infolist() if one.filename.endswith(".mst")]
            if len(files) != 1 or files[0].file_size > _LARGEST_FILE:
                raise PayloadError(f"KIS {market} master: the zip does not hold one .mst file of a sane size")
            return archive.read(files[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
        raise PayloadError(
            f"KIS {market} master: the file is no zip that can be read ({type(error).__name__})"
        ) from None
