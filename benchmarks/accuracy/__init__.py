"""How well models, ours and others', predict rows of the future."""
