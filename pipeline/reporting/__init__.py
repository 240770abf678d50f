"""The metrics files as text, page, pictures and model cards."""
