"""Which cells must be there, which are, and which are settled."""
