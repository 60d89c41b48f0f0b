"""What one Airflow task does: plan the work, or move one dataset from a source into the warehouse."""
