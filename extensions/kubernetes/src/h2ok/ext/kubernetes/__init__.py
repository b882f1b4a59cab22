"""Clouds on Kubernetes: pods find each other through the DNS name of a headless service."""
