"""Frame, Vec, Chunk: the columnar store."""
