"""What a stack with all its parts runs, for tests of every kind."""

from settings.services import SERVICES as ALL

SERVICES = tuple(service.name for service in ALL.values() if not service.optional)
"""The containers that run for ever, by service."""

IMAGES = tuple(service.key for service in ALL.values() if service.image and not service.optional)
"""The images that a stack outside dev has to name, by their keys in the config."""
