"""The tables of the datasets, for tests that write rows themselves."""

from data_pipeline.datasets import DATASETS

TABLES = {name: dataset.table for name, dataset in DATASETS.items()}
DAILY_BAR, MINUTE_BAR = TABLES["daily_bar"], TABLES["minute_bar"]
PRICE_SNAPSHOT, ORDER_BOOK = TABLES["price_snapshot"], TABLES["order_book"]
INSTRUMENT, TRADING_SESSION = TABLES["instrument"], TABLES["trading_session"]
