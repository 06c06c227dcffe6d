"""The pack's own files, and what is wrong in them."""
