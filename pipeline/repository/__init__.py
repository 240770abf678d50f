"""The project as git and DVC see it."""
