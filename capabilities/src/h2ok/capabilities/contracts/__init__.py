"""What an extension implements: one module a kind. ``extension.KINDS`` lists them with their versions and conformance classes."""
