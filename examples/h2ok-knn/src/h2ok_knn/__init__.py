"""An example extension of h2ok: k-nearest-neighbour classification and regression."""
