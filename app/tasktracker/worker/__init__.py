"""The worker: what it does with jobs."""
