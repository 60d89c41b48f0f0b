"""The documented client: the four quotation calls of KIS, or of the synthetic market."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from typing_extensions import Self

from data_pipeline.market.records import ChartData, CurrentPrice, OrderBook, PriceType, StockInfo
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.sources.factory import DataSourceFactory, DataSourceType, read_environment


class KISAPIClient:
    """A client of the KIS Open API, to be used as a context manager; nothing is sent before the first call.

    Everything that is not given is read from the environment variables and from ``.env`` in the working directory.

    Args:
        app_key: The app key; None reads ``KIS_APP_KEY``.
        app_secret: The app secret; None reads ``KIS_APP_SECRET``.
        use_virtual: True for the virtual server (모의투자); None reads ``KIS_USE_VIRTUAL_SERVER``.
        use_mock: True answers from the synthetic market, without credentials and without a network.
        environ: The variables to read in place of the process's own and ``.env``.

    Raises:
        ConfigurationError: A credential is missing or a setting is wrong; the message names the variable.
    """

    def __init__(
        self,
        app_key: str | None = None,
        app_secret: str | None = None,
        use_virtual: bool | None = None,
        use_mock: bool = False,
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.use_mock = use_mock
        given = {} if use_mock else _given(app_key, app_secret, use_virtual)
        known = {} if use_mock else (read_environment() if environ is None else environ)
        kind = DataSourceType.MOCK if use_mock else DataSourceType.KIS
        self.source: AbstractDataSource = DataSourceFactory({**known, **given}).create(kind)

    def __repr__(self) -> str:
        return f"KISAPIClient({self.source.name})"

    def get_current_price(self, stock_code: str) -> CurrentPrice:
        """Return the last price of one instrument and its day so far.

        ``stock_name`` is the English name of large issuers, otherwise the abbreviated Korean name.

        Raises:
            ValueError: The code is malformed; nothing was sent.
            UnknownStockError: There is no such code.
            TransientError: It may pass; trying again later can help.
        """
        return self.source.get_current_price(stock_code)

    def get_order_book(self, stock_code: str) -> OrderBook:
        """Return the ten-level order book (호가) of an instrument; the errors are :meth:`get_current_price`'s."""
        return self.source.get_order_book(stock_code)

    def get_chart_data(self, stock_code: str, period: PriceType, count: int) -> list[ChartData]:
        """Return the last ``count`` bars in raw prices, newest first.

        Raises:
            ValueError: The code is malformed or ``count`` is not positive; nothing was sent.
            UnsupportedDatasetError: So many minute bars reach further back than the server's minutes do.
        """
        return self.source.get_chart_data(stock_code, period, count)

    def get_stock_info(self, stock_code: str) -> StockInfo:
        """Return what an instrument is; the errors are those of :meth:`get_current_price`."""
        return self.source.get_stock_info(stock_code)

    def close(self) -> None:
        """Close every connection; closing twice is safe."""
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def create_client(use_mock: bool = False) -> KISAPIClient:
    """Return a client with everything read from the environment; with ``use_mock`` one of the synthetic market.

    Raises:
        ConfigurationError: A credential is missing or a setting is wrong; the message names the variable.
    """
    return KISAPIClient(use_mock=use_mock)


def _given(app_key: str | None, app_secret: str | None, use_virtual: bool | None) -> dict[str, str]:
    given = {
        "KIS_APP_KEY": app_key,
        "KIS_APP_SECRET": app_secret,
        "KIS_USE_VIRTUAL_SERVER": None if use_virtual is None else str(bool(use_virtual)).lower(),
    }
    return {name: value for name, value in given.items() if value is not None}
