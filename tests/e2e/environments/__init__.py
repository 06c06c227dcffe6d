"""Tests of stacks as environments differ: hosts, backups, tunnels, TLS."""
