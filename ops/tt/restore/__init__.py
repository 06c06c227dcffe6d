"""Restores, and what they leave where they are cut off."""
