"""A night: from tonight's table to a new champion, or to the reason why not."""
