"""An example extension of h2ok: the route /3/Count."""
