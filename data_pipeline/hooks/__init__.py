"""Airflow connections turned into sources and into the warehouse; a hook builds and sends nothing."""
