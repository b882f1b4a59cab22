"""An example extension of h2ok."""
