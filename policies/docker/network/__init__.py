"""Networks, and what the host publishes."""
