"""What set-up finds or installs on the machine: Debian packages, Go, a Docker client and engine."""
