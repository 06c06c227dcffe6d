"""Backups, restores and drills, and the buckets they are in."""
