"""File formats, local files and uploads."""
