"""What the end-to-end tests share: stacks, hosts, registries, load."""
