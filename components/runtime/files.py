"""Configuration and secret files, brought to containers in a volume."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.core.context import Context
from components.core.naming import SYSTEM
from components.runtime.carrier import carrier
from components.spec.container import MOUNT_PATH
from settings.values.image_ref import ImageRef

#: Files belong to root, and a workload runs as another user; only containers that mount the volume
#: see it, so "read by all" means read by the workload.
PERMISSIONS = "0444"

#: The file that tells a workload which files belong together, where it takes up changed ones by itself.
MANIFEST = "manifest"

#: Hexadecimal digits of a digest: 48 bits, no collision to be feared among a service's versions.
DIGEST_LENGTH = 12


@dataclass(frozen=True)
class FileVolumeArgs:
    """`files` maps a file's name to its content; a content may be a secret output.

    `image` is any image of the host: the carrier is created from it and never started. With `manifest` a file of that
    name comes with the others (see `manifest`).
    """

    context: Context
    service: str
    image: ImageRef
    files: Mapping[str, pulumi.Input[str]]
    slot: str | None = None
    manifest: bool = False


class FileVolume(pulumi.ComponentResource):
    """A volume that holds files, filled by a carrier: a container that is never started.

    Docker refuses an upload into a container with a read-only root, and an environment variable
    shows in `docker inspect`; an upload into a volume, through a container that does nothing else,
    has neither problem. A changed file replaces the carrier, and `digest` makes the workload follow: as a label that
    replaces it, or as the name, in the manifest, of files that it takes up by itself.
    """

    volume: pulumi.Output[str]
    digest: pulumi.Output[str]
    """Stands for the files in a label: it changes when a name or a content does.

    A MAC under a key that is secret, so that it can be shown and tells nothing of the contents.
    """

    def __init__(self, name: str, args: FileVolumeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:FileVolume", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, delete_before_replace=True)
        contents = pulumi.Output.all(**args.files)
        self.digest = pulumi.Output.unsecret(
            pulumi.Output.all(args.context.digest_key, contents).apply(lambda values: digest(*values))
        )
        files = dict(args.files)
        if args.manifest:
            files[MANIFEST] = pulumi.Output.all(self.digest, contents).apply(lambda values: manifest(*values))
        volume = docker.Volume(
            name,
            name=args.context.naming.volume(name),
            labels=[
                docker.VolumeLabelArgs(label=label, value=value)
                for label, value in args.context.naming.owned(args.service, slot=args.slot).items()
            ],
            # As for a `RuntimeVolume`.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(ignore_changes=["labels"])),
        )
        container = args.context.naming.container(name)
        brought = carrier(
            name,
            args.context,
            args.service,
            args.image,
            child,
            slot=args.slot,
            # Docker refuses an upload otherwise.
            read_only=False,
            mounts=[docker.ContainerMountArgs(type="volume", source=volume.name, target=MOUNT_PATH)],
            uploads=args.context.ordered(
                container,
                "uploads",
                {
                    (path := f"{MOUNT_PATH}/{file}"): docker.ContainerUploadArgs(
                        file=path, content=content, permissions=PERMISSIONS
                    )
                    for file, content in sorted(files.items())
                },
            ),
        )
        self.volume = volume.name
        self.register_outputs({"volume": self.volume, "carrier": brought.name})


def digest(key: str, files: Mapping[str, str]) -> str:
    """HMAC-SHA-256 over the files' names and contents, in an order that doesn't depend on the caller."""
    mac = hmac.new(key.encode(), digestmod=hashlib.sha256)
    for name, content in sorted(files.items()):
        for part in (name, content):
            encoded = part.encode()
            # Lengths keep ("a", "bc") apart from ("ab", "c").
            mac.update(len(encoded).to_bytes(8, "big") + encoded)
    return mac.hexdigest()[:DIGEST_LENGTH]


def manifest(name: str, files: Mapping[str, str]) -> str:
    """Which files belong together: their `name` as the first line, then their sums as `sha256sum` takes them.

    The provider brings files one by one, and a workload that reads them while they arrive sees by this whether they
    are all there.
    """
    sums = (f"{hashlib.sha256(content.encode()).hexdigest()}  {file}" for file, content in sorted(files.items()))
    return "\n".join([name, *sums]) + "\n"
