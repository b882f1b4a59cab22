"""The parsers extension."""
