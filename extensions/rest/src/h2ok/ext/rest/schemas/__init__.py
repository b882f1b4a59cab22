"""Schemas of the core routes: one module a topic."""
