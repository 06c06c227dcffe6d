"""`tt`, the operator's command: what a stack does, and its backups, restores and drills."""
