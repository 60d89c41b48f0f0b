"""Names of datasets for DAG files, which are read every few seconds and must not load the declarations.

``tests/house/test_datasets.py`` holds them to ``data_pipeline.datasets``.
"""

WITH_CELLS = ("daily_bar", "minute_bar", "index_bar", "investor_flow")
"""Datasets of which it is known beforehand what must exist."""
IN_COVERAGE = (*WITH_CELLS, "trade")
"""Those that coverage tells: trades too, of the codes that the stream watched."""
WITH_PAST = (*WITH_CELLS, "trading_session", "instrument")
"""Datasets whose past can be filled."""
