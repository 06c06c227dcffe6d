"""The Pulumi engine, and the variables that its commands need."""
