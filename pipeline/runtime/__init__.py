"""Processes, locks, threads and errors: what any command-line program needs; it knows no data and no model."""
