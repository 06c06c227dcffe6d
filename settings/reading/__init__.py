"""From the config that Pulumi hands over to checked settings."""
