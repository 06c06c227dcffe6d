"""What every part uses: names, networks, secrets, the Docker host."""
