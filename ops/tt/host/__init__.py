"""A stack's Docker host: what runs there, compared with the state."""
