"""Isolation forest: rows that few random splits set apart are anomalies."""
