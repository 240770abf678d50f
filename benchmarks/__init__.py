"""What the figures in the README are measured with; each prints a table."""
