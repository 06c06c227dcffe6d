"""What targets of the Makefile run: `python -m toolchain.targets.<module>`."""
