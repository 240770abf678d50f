"""Answers for raw rows from a bundle: predictions, intervals, explanations."""
