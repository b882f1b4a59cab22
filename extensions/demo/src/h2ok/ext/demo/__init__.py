"""h2ok demo: import, model and predict flights from start to end."""
