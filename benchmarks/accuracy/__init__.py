"""Models, ours and others', on rows of the future."""
