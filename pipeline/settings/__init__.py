"""The sections of the settings file: types, ranges and units."""
