"""What the figures of the docs are measured with; each prints a table."""
