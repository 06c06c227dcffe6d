"""Fakes of what no test reaches: clouds, a Docker API, a key service."""
