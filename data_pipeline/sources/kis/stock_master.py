"""The stock master of all three markets: downloaded when needed, once a day and host, and kept in the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime

from data_pipeline.coordination.kept_file import KeptFiles
from data_pipeline.exceptions import InvalidRequestError, PayloadError, UnknownStockError
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.records import Instrument
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.sources.kis.endpoints import MASTER_FILES
from data_pipeline.sources.kis.english_names import ENGLISH_NAMES, display_name
from data_pipeline.sources.kis.master import parse_master


class StockMaster:
    """Names and properties of every instrument; safe among threads.

    Args:
        download: Returns the zipped file of one market and the file server's time.
        calendar: The exchange's sessions.
        files: Keeps what was downloaded for the other processes of this host; None: each process downloads for itself.
        server: The name of the file server among the kept files.
    """

    def __init__(
        self,
        download: Callable[[str], tuple[bytes, datetime]],
        calendar: TradingCalendar,
        files: KeptFiles | None = None,
        server: str = "kis",
    ) -> None:
        self._download = download
        self._calendar = calendar
        self._files, self._server = files, server
        self._lock = threading.Lock()
        self._kept: dict[str, Instrument] = {}
        self._kept_from: tuple[date, date] | None = None

    def instruments(self, session: date) -> list[Instrument]:
        """Return every instrument, downloaded anew, in order of stock code.

        Raises:
            InvalidRequestError: By the file server's clock the files do not describe ``session``: they hold the
                session that quotes show, and once that one is final the next one as well.
            PayloadError: A file is malformed; the message names file and line.
        """
        issues: dict[str, Instrument] = {}
        for market in MASTER_FILES:
            zipped, at = self._download(market)
            self._require_present(session, at)
            for issue in parse_master(market, zipped, session):
                if issue.stock_code in issues:
                    raise PayloadError(f"KIS {market} master: {issue.stock_code} is listed on another market as well")
                issues[issue.stock_code] = issue
        return [issues[code] for code in sorted(issues)]

    def instrument(self, stock_code: str, now: datetime) -> Instrument:
        """Return one instrument from the files of today and of the quoted session, by the server's clock.

        Raises:
            UnknownStockError: The files do not have it.
        """
        with self._lock:
            if self._kept_from != self._day(now):
                self._kept, self._kept_from = self._load(now), self._day(now)
            if stock_code not in self._kept:
                raise UnknownStockError(stock_code, "KIS stock master")
            return self._kept[stock_code]

    def name(self, stock_code: str, now: datetime) -> str:
        """Return the English name of a large issuer, otherwise the abbreviated Korean name.

        Raises:
            UnknownStockError: The files do not have it.
        """
        return ENGLISH_NAMES.get(stock_code) or display_name(stock_code, self.instrument(stock_code, now).name)

    def _load(self, now: datetime) -> dict[str, Instrument]:
        issues: dict[str, Instrument] = {}
        for market in MASTER_FILES:
            issues.update((issue.stock_code, issue) for issue in self._read(market, *self._file(market, now)))
        return issues

    def _file(self, market: str, now: datetime) -> tuple[bytes, datetime]:
        if self._files is None:
            return self._download(market)

        def fetch() -> tuple[bytes, datetime]:
            zipped, at = self._download(market)
            self._read(market, zipped, at)  # a file that cannot be read is not kept for the others
            return zipped, at

        name = f"{self._server}-{market}.mst.zip"
        return self._files.get(name, lambda at: self._day(at) == self._day(now), fetch)

    def _read(self, market: str, zipped: bytes, at: datetime) -> list[Instrument]:
        return parse_master(market, zipped, self._calendar.quoted_session(at))

    def _day(self, at: datetime) -> tuple[date, date]:
        """Return for how long a file holds: for its day in Seoul, and as long as quotes show the same session."""
        return at.astimezone(SEOUL).date(), self._calendar.quoted_session(at)

    def _require_present(self, session: date, at: datetime) -> None:
        present = [self._calendar.quoted_session(at)]
        if at >= self._calendar.final_at(present[0]):
            present.append(self._calendar.opens_again_on(present[0]))
        if session not in present:
            days = " or ".join(str(day) for day in present)
            raise InvalidRequestError(f"the KIS stock master of {at:%Y-%m-%d %H:%M} describes {days}, not {session}")
