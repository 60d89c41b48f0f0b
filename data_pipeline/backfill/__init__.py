"""A range of the past: checked, planned once, loaded and reported. Imports no Airflow."""
