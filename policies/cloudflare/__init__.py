"""What a Cloudflare tunnel lets in, where it leads, and who may come that way."""
