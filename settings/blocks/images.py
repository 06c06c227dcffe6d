"""The block `images`."""

from collections.abc import Mapping
from typing import Final

from settings.blocks.block import Block
from settings.values.images import ImageReference


class ImageSettings(Block):
    """The images that the stack runs. dev has the ones built from `images/`; elsewhere each is required, with a
    digest."""

    postgres: ImageReference
    """PostgreSQL 17 with pgvector."""
    nats: ImageReference
    """NATS server with JetStream."""
    api: ImageReference
    """The api and its migrations."""
    worker: ImageReference
    """The worker; normally the image of the api."""
    dashboard: ImageReference
    """The dashboard's static files and the server for them."""
    nginx: ImageReference
    """The reverse proxy in front."""
    object_store: ImageReference
    """The S3 service for backups."""
    file_backups: ImageReference
    """What backs up files and NATS' streams."""
    redis: ImageReference | None = None
    """The Redis server; required with `redis`, and in dev the one built here."""
    cloudflared: ImageReference | None = None
    """The tunnel's end on the host; required with a tunnel."""


IMAGES: Final[Mapping[str, str]] = {
    "postgres": "postgres",
    "nats": "nats",
    "api": "app",
    "worker": "app",
    "dashboard": "dashboard",
    "nginx": "nginx",
    "object_store": "object_store",
    "file_backups": "file_backups",
    "redis": "redis",
    "cloudflared": "cloudflared",
}
"""The image from `images/` that each service runs, by its name there; api and worker are two commands of one."""

OPTIONAL_SERVICES: Final[Mapping[str, str]] = {"redis": "redis", "cloudflared": "tunnel"}
"""The services that a stack has only with a block of its config, with the name of that."""

LOCAL_IMAGES: Final[Mapping[str, str]] = {k: v for k, v in IMAGES.items() if k != "cloudflared"}
"""Those that dev has without being told: it has no tunnel."""
