"""The kinds of values that a setting can have: one parsed type a kind, read where it enters."""
