"""Rules for AWS: who may do what, and the buckets of backups."""
