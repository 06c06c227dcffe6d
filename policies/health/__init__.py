"""Whether a health check asks the service: how its script can end, and what its commands reach."""
