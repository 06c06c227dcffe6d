"""The block `object_store`."""

from typing import Final

from settings.blocks.block import MINUTE, Block, Cpus, Memory, Reservation, Resources, StartTimeout
from settings.services import SERVICES
from settings.values.backups import Bucket

OWN_BUCKET: Final = "backups"
"""The bucket of the stack's own object store that backups go to."""


class ObjectStoreResources(Resources):
    """What the object store's container may take of its host."""

    cpus: Cpus = SERVICES["object-store"].needs.cpus
    memory: Memory = SERVICES["object-store"].needs.memory
    memory_reservation: Reservation = SERVICES["object-store"].needs.reserved


class ObjectStoreSettings(Block):
    """The stack's own S3 service, which keeps the backups where no bucket outside the stack does, and objects of the
    app where that is asked for."""

    app_bucket: Bucket | None = None
    """Bucket of the app's own, with an account for it alone. api and worker find where it is in OBJECT_STORE_URL,
    OBJECT_STORE_BUCKET and OBJECT_STORE_REGION, and the files of key and certificate in OBJECT_STORE_ACCESS_KEY_FILE,
    OBJECT_STORE_SECRET_KEY_FILE and OBJECT_STORE_CA_FILE. No backup holds what is in it."""
    resources: ObjectStoreResources = ObjectStoreResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE
