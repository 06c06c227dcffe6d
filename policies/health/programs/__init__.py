"""What the programs of a health check's command ask, by their names and arguments."""
