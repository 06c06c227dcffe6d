"""Which release nginx lets serve, and whether it is closed for maintenance."""
