"""The rapids extension."""
