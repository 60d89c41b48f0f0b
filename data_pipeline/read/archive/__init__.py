"""Archived months: the Parquet files that hold what was let go, and how reading goes on as if it were still stored."""
