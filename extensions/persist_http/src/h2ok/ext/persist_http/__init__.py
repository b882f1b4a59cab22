"""Imports over http and https."""
