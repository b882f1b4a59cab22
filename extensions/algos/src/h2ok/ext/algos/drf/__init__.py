"""Distributed Random Forest: trees on samples of rows, grown from GBM's bins."""
