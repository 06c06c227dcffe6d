"""The shell of a health check: its words, its grammar, and how a script can end."""
