"""What brings a stack up, takes it down, and changes its file."""
