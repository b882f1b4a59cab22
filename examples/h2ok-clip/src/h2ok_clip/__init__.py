"""An example extension of h2ok: the Rapids primitive clip."""
