"""A range of the past: checked, planned once, loaded, reported. Imports no Airflow."""
