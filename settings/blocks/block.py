"""What every block of a stack's config is made of: its rules, and what a container may take of its host.

Sizes are whole MB (1024 * 1024 bytes), durations whole seconds unless a field says otherwise. A field's docstring is
its description in the JSON Schema and in docs/configuration.md. What ties several fields together is in
`settings.rules`.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from settings.limits import LIMITS, PolicyLimit
from settings.values.amounts import Megabytes, Seconds
from settings.values.units import MB

LogLevel = Literal["debug", "info", "warning", "error"]

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

WEEK_DAYS: Final = 7


class Block(BaseModel):
    """A block of settings: frozen, no unknown keys, no conversions between types."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


# The upper bounds are the policies'.
_MOST_MEMORY: Final = PolicyLimit("DKR-MEM", "maxMb")
_MEMORY: Final = "Memory that the container may use at most; it gets no swap on top."
Cpus = Annotated[
    float,
    Field(ge=0.1, le=LIMITS.max_cpus, description="CPUs that the container may use at most."),
    PolicyLimit("DKR-CPU", "maxCpus"),
]
# The lower bounds are some 1.3 times what a container without work was measured to use: 7 MB for nginx, 3 for the
# dashboard, 6 for NATS and the backups, 15 for the object store, 73 for the api and the worker.
Memory = Annotated[Megabytes, Field(ge=32 * MB, le=LIMITS.max_memory, description=_MEMORY), _MOST_MEMORY]
AppMemory = Annotated[Megabytes, Field(ge=96 * MB, le=LIMITS.max_memory, description=_MEMORY), _MOST_MEMORY]
# 50 MB with few connections, and as much for a drill's or a restore's own.
PostgresMemory = Annotated[Megabytes, Field(ge=96 * MB, le=LIMITS.max_memory, description=_MEMORY), _MOST_MEMORY]
Reservation = Annotated[
    Megabytes,
    Field(
        ge=8 * MB,
        le=LIMITS.max_memory,
        description="Memory that Docker tries to leave to the container when the host runs short.",
    ),
    _MOST_MEMORY,
]


Pids = Annotated[
    int,
    Field(
        ge=64,
        le=32_768,
        description="Processes and threads that the container may have at most.",
    ),
]


class Resources(Block):
    """What a container may take of its host."""

    cpus: Cpus
    memory: Memory
    memory_reservation: Reservation
    # The containers have 3 to 12 without work. The limit is for what goes wrong, and Linux numbers some 32,000
    # processes of a host by default on 2 CPUs (kernel.pid_max).
    pids: Pids = 1024


StartTimeout = Annotated[
    Seconds,
    Field(
        ge=5,
        le=HOUR,
        description="Time that the container gets to become healthy before `up` fails and shows the end of its log.",
    ),
]
