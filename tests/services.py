"""What a stack with all its parts runs, for tests of every kind."""

SERVICES = (
    *("postgres", "nats", "api", "worker", "dashboard", "nginx"),
    *("object-store", "backups", "drills", "file-backups"),
)
"""The containers that run for ever, by service."""

IMAGES = ("postgres", "nats", "api", "worker", "dashboard", "nginx", "object_store", "file_backups")
"""The images that a stack outside dev has to name, by their keys in the config."""
