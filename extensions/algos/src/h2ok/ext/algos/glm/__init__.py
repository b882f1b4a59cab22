"""Generalized linear models: IRLSM with elastic net."""
