"""The sections of params.yaml: types, ranges and units of their settings."""
