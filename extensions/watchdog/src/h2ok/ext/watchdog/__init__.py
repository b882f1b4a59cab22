"""Stops a node that nobody needs any more or that cannot get well."""
