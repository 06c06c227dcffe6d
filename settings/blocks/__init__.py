"""The blocks of a stack's config, one module each."""
