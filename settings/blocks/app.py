"""The blocks `api`, `worker` and `dashboard`, and what is asked of the app's secrets."""

from typing import Annotated

from pydantic import Field

from settings.blocks.block import (
    HOUR,
    MINUTE,
    AppMemory,
    Block,
    Cpus,
    LogLevel,
    Memory,
    Reservation,
    Resources,
    StartTimeout,
)
from settings.services import SERVICES
from settings.values.amounts import Seconds
from settings.values.secrets import Expression


class ApiResources(Resources):
    """What an api container may take of its host."""

    cpus: Cpus = SERVICES["api"].needs.cpus
    memory: AppMemory = SERVICES["api"].needs.memory
    memory_reservation: Reservation = SERVICES["api"].needs.reserved


class WorkerResources(Resources):
    """What a worker container may take of its host."""

    cpus: Cpus = SERVICES["worker"].needs.cpus
    memory: AppMemory = SERVICES["worker"].needs.memory
    memory_reservation: Reservation = SERVICES["worker"].needs.reserved


class DashboardResources(Resources):
    """What a dashboard container may take of its host."""

    cpus: Cpus = SERVICES["dashboard"].needs.cpus
    memory: Memory = SERVICES["dashboard"].needs.memory
    memory_reservation: Reservation = SERVICES["dashboard"].needs.reserved


class ApiSettings(Block):
    """The HTTP API."""

    resources: ApiResources = ApiResources()
    """What a container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE
    log_level: LogLevel = "info"
    """The least severe messages that are logged."""


class WorkerSettings(Block):
    """The worker that processes the tasks."""

    resources: WorkerResources = WorkerResources()
    """What a container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE
    log_level: LogLevel = "info"
    """The least severe messages that are logged."""
    stop_timeout: Annotated[Seconds, Field(ge=1, le=HOUR)] = 30
    """Time that a worker gets to finish what it has before it is killed."""


class DashboardSettings(Block):
    """The dashboard's static files."""

    resources: DashboardResources = DashboardResources()
    """What a container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE


class AppSecret(Block):
    """What is asked of one secret of the app."""

    min_bytes: Annotated[int, Field(ge=1, le=65_536)] = 1
    """Bytes that the value must have at least."""
    pattern: Expression | None = None
    """Regular expression that the whole value must match."""
