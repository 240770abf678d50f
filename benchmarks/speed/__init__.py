"""Training loops, ours and others', against the clock."""
