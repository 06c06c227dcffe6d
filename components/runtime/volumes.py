"""Volumes: of data that nobody can make again, and of what containers share while they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.core.context import Context
from components.core.naming import SYSTEM, Naming
from components.runtime.carrier import carrier
from settings.ownership import DATA_VOLUME, IDENTITY
from settings.values.image_ref import ImageRef

#: Where the container that has kept volumes finds them, by number.
KEPT_PATH = "/kept"


class DataVolume(pulumi.ComponentResource):
    """A named volume that no config change replaces and no plain `destroy` deletes.

    It is protected in every environment: `make down` leaves it, `make purge` asks first. With
    `protect=False` it is one whose data is there a second time, and may go.

    Its outputs are the state's memory of it (`settings.ownership.Memory`): a `pulumi refresh` that does not find the
    volume leaves them, so that no update makes an empty one in its place.
    """

    name: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        naming: Naming,
        service: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        protect: bool = True,
    ) -> None:
        super().__init__(
            DATA_VOLUME, name, None, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=protect))
        )
        volume = _volume(
            name,
            naming,
            service,
            pulumi.ResourceOptions(
                parent=self,
                protect=protect,
                # Every property of a volume forces a replacement; none is worth the data in it.
                ignore_changes=["name", "labels", "driver", "driverOpts"],
            ),
        )
        self.name = volume.name
        self.register_outputs({"name": self.name, IDENTITY: naming.origin(name)})


class RuntimeVolume(pulumi.ComponentResource):
    """A named volume that containers share something in while they run, such as a socket; nothing is lost with it."""

    name: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        naming: Naming,
        service: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{SYSTEM}:components:RuntimeVolume", name, None, opts)
        volume = _volume(
            name,
            naming,
            service,
            # A label of a later version replaces none, and the containers that use it with it.
            pulumi.ResourceOptions(parent=self, delete_before_replace=True, ignore_changes=["labels"]),
        )
        self.name = volume.name
        self.register_outputs({"name": self.name})


@dataclass(frozen=True)
class KeptVolumesArgs:
    """`volumes` are data volumes that no service uses, by number. `image` is any image of the host."""

    context: Context
    service: str
    image: ImageRef
    volumes: Mapping[int, DataVolume]


class KeptVolumes(pulumi.ComponentResource):
    """A container that is never started, and that has the data volumes which were kept after restores.

    `docker volume prune` deletes what no container has, running or not (before Docker 23 also volumes with a name).
    """

    def __init__(self, name: str, args: KeptVolumesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:KeptVolumes", name, None, opts)
        container = carrier(
            name,
            args.context,
            args.service,
            args.image,
            pulumi.ResourceOptions(parent=self, delete_before_replace=True, replace_on_changes=["mounts"]),
            read_only=True,
            # At paths that the image does not have: Docker would copy what it has there into an empty volume.
            mounts=args.context.ordered(
                args.context.naming.container(name),
                "mounts",
                {
                    (path := f"{KEPT_PATH}/{number}"): docker.ContainerMountArgs(
                        type="volume", source=volume.name, target=path, read_only=True
                    )
                    for number, volume in sorted(args.volumes.items())
                },
            ),
        )
        self.register_outputs({"carrier": container.name})


def _volume(name: str, naming: Naming, service: str, opts: pulumi.ResourceOptions) -> docker.Volume:
    """The stack's Docker volume of that name, with the labels of the service that it is for."""
    labels = [docker.VolumeLabelArgs(label=label, value=value) for label, value in naming.owned(service).items()]
    return docker.Volume(name, name=naming.volume(name), labels=labels, opts=opts)
