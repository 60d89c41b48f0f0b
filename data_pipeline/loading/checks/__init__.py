"""Which rows may be loaded, and what becomes of the others."""
