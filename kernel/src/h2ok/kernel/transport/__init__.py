"""Transports: how messages travel between nodes."""
