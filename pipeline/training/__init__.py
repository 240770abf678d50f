"""Fits a network to encoded rows."""
