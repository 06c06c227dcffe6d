"""Buckets in S3: who can read them, and that what is in them lasts as long as it should and no longer."""
