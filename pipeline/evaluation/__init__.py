"""Scores predictions: metrics, baselines, and what would make a score untrue."""
