"""Jobs, from the outbox to JetStream."""
