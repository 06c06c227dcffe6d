"""The front door: nginx, its certificates, and the tunnel."""
