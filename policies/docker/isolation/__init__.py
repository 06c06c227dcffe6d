"""Who a container runs as, and what the kernel lets it do."""
