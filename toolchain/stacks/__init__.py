"""A stack's state and its passphrase."""
