"""What a stack with all its parts runs, for tests of every kind."""

from settings.services import SERVICES as ALL

SERVICES = tuple(service.name for service in ALL.values() if not service.optional)
"""The containers that run for ever, by service."""

SLOTTED = frozenset(service.name for service in ALL.values() if service.slotted)
"""Those that are part of a release."""

IMAGES = tuple(service.key for service in ALL.values() if service.image and not service.optional)
"""The images that a stack outside dev has to name, by their keys in the config."""

OPTIONAL = {service.block[0]: "{}" for service in ALL.values() if service.optional and service.local}
"""Blocks, each with its defaults, of the services that a stack of any environment may have or not."""
