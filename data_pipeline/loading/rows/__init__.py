"""From records to stored rows: tables, COPY, comparison, one transaction."""
