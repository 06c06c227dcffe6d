"""Building the project's images."""
