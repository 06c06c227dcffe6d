"""What a container is and brings to a host, by its image, command, mounts and files."""
