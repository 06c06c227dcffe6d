"""Secrets that the program makes itself: random ones, and certificates."""
