"""Pulumi's state: where it is, its lock, and updates of it."""
