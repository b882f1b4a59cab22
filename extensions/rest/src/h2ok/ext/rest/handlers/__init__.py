"""Handlers of the core routes: one module a topic."""
