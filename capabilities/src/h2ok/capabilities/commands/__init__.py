"""The commands of ``h2ok``: one module each."""
