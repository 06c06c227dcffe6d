"""Finds secrets: by their shape, their entropy, and the names that they have."""
