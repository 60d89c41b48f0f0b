"""From a source to the warehouse: fetch a window, check it, load it in one transaction. Nothing here knows Airflow."""
