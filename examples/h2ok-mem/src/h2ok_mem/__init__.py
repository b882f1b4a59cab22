"""An example extension of h2ok: mem:// storage in the memory of a node."""
