"""The one recipe for every container that runs: from a spec to the arguments of `docker.Container`."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import pulumi
import pulumi_docker as docker

from components.core.context import Context
from components.core.runtime import Given
from components.runtime.files import FileVolume
from components.runtime.hardening import hardened
from components.spec.container import MOUNT_PATH, ContainerSpec
from settings.releases import RELEASE

#: Open files: four times what nginx's 4096 connections or PostgreSQL and NATS at their defaults take,
#: and below the hard limit of engines that may raise none (20 000 in some sandboxes).
OPEN_FILES = 16_384

#: The version of the recipe. Another one makes a new release of the same services: raise it with each change of what
#: this module makes of a spec.
RECIPE = 1

#: MB of scratch space in memory; it counts towards the container's memory limit.
TMPFS_SIZE = 64


def container_args(
    context: Context, spec: ContainerSpec, given: Given, files: Sequence[FileVolume], *, follow: bool = True
) -> dict[str, Any]:
    """The arguments of every container that runs; there is no way round them. `follow`: changed files replace it."""
    naming = context.naming
    labels: dict[str, pulumi.Input[str]] = {**naming.labels(spec.service, slot=spec.slot, release=spec.image.release)}
    if spec.release is not None:
        labels[RELEASE] = spec.release
    mounts = {
        # Unset for a volume that is written: the provider sees a change in `false`.
        mount.path: docker.ContainerMountArgs(
            type="volume",
            source=given.volumes[mount.volume].name,
            target=mount.path,
            read_only=mount.read_only or None,
        )
        for mount in spec.mounts
    }
    name, ordered = naming.container(spec.service, spec.slot), context.ordered
    for volume in files:
        if follow:
            # A label that changes makes a new container: this is how it follows its files, and how the
            # preview's diff says so.
            labels["files"] = volume.digest
        mounts[MOUNT_PATH] = docker.ContainerMountArgs(
            type="volume", source=volume.volume, target=MOUNT_PATH, read_only=True
        )
    return {
        **hardened(memory=spec.limits.memory, cpus=_cpus(spec.limits.cpus)),
        "name": name,
        "image": str(spec.image),
        "command": list(spec.command) or None,
        "user": spec.user,
        "read_only": True,
        "tmpfs": dict.fromkeys(spec.tmpfs, f"rw,noexec,nosuid,nodev,size={TMPFS_SIZE}m,mode=1777"),
        "memory_reservation": spec.limits.memory_reservation,
        "shm_size": spec.shm_size,
        "ulimits": [docker.ContainerUlimitArgs(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES)],
        "init": True,
        "stop_timeout": spec.stop_timeout,
        # Unset, the provider kills at once.
        "destroy_grace_seconds": spec.stop_timeout,
        "envs": ordered(name, "envs", {key: f"{key}={value}" for key, value in sorted(spec.env.items())}),
        "labels": ordered(
            name,
            "labels",
            {
                label: docker.ContainerLabelArgs(label=label, value=value)
                for label, value in sorted(labels.items(), key=itemgetter(0))
            },
        ),
        "mounts": ordered(name, "mounts", mounts),
        # Left unset it shows as a change for ever.
        "network_mode": "bridge",
        "networks_advanced": ordered(
            name,
            "networksAdvanced",
            {
                naming.network(attachment.network): docker.ContainerNetworksAdvancedArgs(
                    name=context.networks.names[attachment.network],
                    aliases=[spec.service] if attachment.named else None,
                    ipv4_address=attachment.address,
                )
                for attachment in spec.networks
            },
        ),
    }


def _cpus(cpus: float) -> str:
    """CPUs as the provider reads them back, because it compares texts.

    Its rule (`nanoInt64ToDecimalString`) is odd: `10.` for ten, and a rounded value for a few such
    as 10.05. Those are given as they are: a limit that is right is worth a change that stays.

    >>> [_cpus(cpus) for cpus in (2, 0.25, 10, 10.05)]
    ['2.0', '0.25', '10.', '10.05']
    """
    text = f"{cpus:.9f}"
    read_back = f"{cpus:.1f}" if text.count("0") == 9 else text.rstrip("0")
    return read_back if float(read_back) == cpus else str(cpus)


def duration(seconds: int) -> str:
    """Seconds as Go writes them: the provider reads a time back in this form, and compares texts.

    >>> duration(30), duration(60), duration(3600)
    ('30s', '1m0s', '1h0m0s')
    """
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
