"""An example extension of h2ok: fixed-width text files."""
