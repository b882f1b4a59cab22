"""The algos extension."""
