"""The metrics files as text, page and pictures."""
