"""The documents about settings that `make docs` writes: the JSON schema, the reference, the table of environments."""
