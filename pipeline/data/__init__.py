"""The raw table: its contract, and its way from CSV text to encoded rows."""
