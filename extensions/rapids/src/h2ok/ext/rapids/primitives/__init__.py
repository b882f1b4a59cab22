"""The primitives, one family a module; each module lists its own as ``PRIMITIVES``."""
