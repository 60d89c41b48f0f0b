"""From records to rows: what belongs in which table, and one load that can be repeated without harm."""
