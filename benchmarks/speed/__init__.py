"""How fast training loops are, ours and others'."""
