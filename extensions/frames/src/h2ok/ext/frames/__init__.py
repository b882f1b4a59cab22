"""Making and changing whole frames: random frames, splits, interactions, missing values."""
