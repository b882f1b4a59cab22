"""The rest extension."""
