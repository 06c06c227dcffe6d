"""Backups of the database, of files and of the state."""
