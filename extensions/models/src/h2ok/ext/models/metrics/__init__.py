"""Metrics by model category: one MRTask over the rows, one maker for each category."""
