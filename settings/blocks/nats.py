"""The block `nats`."""

from typing import Annotated

from pydantic import Field

from settings.blocks.block import MINUTE, Block, Cpus, Memory, Reservation, Resources, StartTimeout
from settings.services import SERVICES
from settings.values.addresses import Port
from settings.values.amounts import Megabytes
from settings.values.units import GB, MB, TB


class NatsResources(Resources):
    """What the nats container may take of its host."""

    cpus: Cpus = SERVICES["nats"].needs.cpus
    memory: Memory = SERVICES["nats"].needs.memory
    memory_reservation: Reservation = SERVICES["nats"].needs.reserved


class NatsSettings(Block):
    """The stack's NATS server."""

    resources: NatsResources = NatsResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE
    max_memory_store: Annotated[Megabytes, Field(ge=1 * MB, le=1 * TB)] = 128 * MB
    """What JetStream's memory streams may hold; at most half of the container's memory."""
    max_file_store: Annotated[Megabytes, Field(ge=1 * MB, le=64 * TB)] = 1 * GB
    """What JetStream's file streams may hold on the data volume."""
    # NATS refuses more than 64 MB and advises against more than 8 MB.
    max_payload: Annotated[Megabytes, Field(ge=1 * MB, le=64 * MB)] = 1 * MB
    """Size of the largest message."""
    max_connections: Annotated[int, Field(ge=10, le=65_536)] = 1000
    """Connections that clients may hold at once."""
    debug_port: Port | None = None
    """Port on 127.0.0.1 of the host that leads to NATS clients' port; dev only."""
    debug_monitor_port: Port | None = None
    """Port on 127.0.0.1 of the host that leads to NATS' monitoring page; dev only."""
