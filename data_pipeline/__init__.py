"""Korean stock market data, complete and true, in Postgres, on Apache Airflow."""

__version__ = "0.2.0.dev0"
