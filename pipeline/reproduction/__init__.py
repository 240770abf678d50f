"""Trains again and compares the bytes."""
