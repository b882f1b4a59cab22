"""The models extension."""
