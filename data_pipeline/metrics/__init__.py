"""What the pipeline tells a monitoring system: one table of figures, where each comes from, and the exporter."""
