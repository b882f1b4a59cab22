"""K-means: Lloyd's algorithm over numbers and levels."""
