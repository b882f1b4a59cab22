"""What an extension implements: one module a kind."""
