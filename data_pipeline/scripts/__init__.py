"""The documented import paths, each runnable as a script that checks itself on mock data."""
