"""The block `redis`."""

from typing import Annotated, Literal

from pydantic import Field

from settings.blocks.block import MINUTE, Block, Cpus, Memory, Reservation, Resources, StartTimeout
from settings.services import SERVICES
from settings.values.amounts import Megabytes
from settings.values.units import MB, TB


class RedisResources(Resources):
    """What the redis container may take of its host."""

    cpus: Cpus = SERVICES["redis"].needs.cpus
    memory: Memory = SERVICES["redis"].needs.memory
    memory_reservation: Reservation = SERVICES["redis"].needs.reserved


class RedisSettings(Block):
    """Redis, for an app that wants a cache: nothing of it is on a disk or in a backup. api and worker find its address,
    password included, in the file that REDIS_URL_FILE names."""

    max_memory: Annotated[Megabytes, Field(ge=1 * MB, le=4 * TB)] = 160 * MB
    """Memory for keys and values."""
    eviction: Literal["allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-ttl", "noeviction"] = "allkeys-lru"
    """What goes when that is full, in Redis' own words; with noeviction writes fail instead."""
    resources: RedisResources = RedisResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE
