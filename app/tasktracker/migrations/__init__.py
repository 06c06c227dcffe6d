"""Alembic's environment. A revision only expands the schema: the release before must run on it."""
