"""Benchmarks of the whole system, on a real engine and a real Docker."""
