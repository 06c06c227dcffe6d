"""Rules for what a Docker host runs: containers and services, images, volumes, networks and providers."""
