"""What a container sees of the host's file system."""
