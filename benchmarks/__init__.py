"""Benchmarks: one command a table; results are committed as JSON beside them."""
