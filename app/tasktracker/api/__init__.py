"""The HTTP API and /ws."""
