"""Past tables replayed as nights."""
