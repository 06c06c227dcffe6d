"""The one way to run a container: hardened, limited, watched.

Nothing outside this module knows that a workload is a `docker.Container`, so that the same
specification can render to a Swarm service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import pulumi
import pulumi_docker as docker

from components.core import docker_host
from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.network import Network
from components.core.options import child_after
from components.runtime.files import MOUNT_PATH, FileVolume, FileVolumeArgs
from components.runtime.hardening import hardened
from components.runtime.volumes import DataVolume, RuntimeVolume
from settings.blocks.block import Resources
from settings.image_ref import ImageRef

#: Open files: four times what nginx's 4096 connections or PostgreSQL and NATS at their defaults take,
#: and below the hard limit of engines that may raise none (20 000 in some sandboxes).
OPEN_FILES = 16_384

#: MB of scratch space in memory; it counts towards the container's memory limit.
TMPFS_SIZE = 64

#: Debug ports are for the people who are on the host.
DEBUG_ADDRESS = "127.0.0.1"

#: What the provider leaves alone, silently, when it updates a container in place (its update looks at
#: restart, memory and a few more), and what it can only apply by making a new container. Of `mounts` it
#: takes a change of their number for one, and not a change of a volume.
#: "#initerror" is the engine's name for a creation that failed half-way, such as a container that did
#: not become healthy: without it the next `up` would pass without looking again.
REPLACE_ON_CHANGES = ["healthcheck", "mounts", "tmpfs", "init", "cpus", "stopTimeout", "#initerror"]


#: What the provider says when `wait` ran out of time.
NOT_HEALTHY = "container failed to be in healthy state"


@dataclass(frozen=True)
class HealthCheck:
    """A command that exits 0 when the service does its work.

    Seconds throughout. `interval` is short because Docker before 25.0 has no `start_interval`: it is
    how long every start waits for its first check. `start_period`: failures that don't count yet.
    """

    command: Sequence[str]
    interval: int = 3
    timeout: int = 5
    retries: int = 3
    start_period: int = 30


@dataclass(frozen=True)
class Attachment:
    """A network that a workload is on, under its service's name, at a fixed address if given.

    `named` is false where it only calls out: one that is on two networks of it would find it by its name on either.
    """

    network: Network
    address: str | None = None
    named: bool = True


@dataclass(frozen=True)
class PublishedPort:
    """Port `internal` of the container, reachable at `address`:`external` of the host."""

    internal: int
    external: int
    address: str


@dataclass(frozen=True)
class Mount:
    """A volume and where the workload finds it; one that another workload writes is `read_only`."""

    volume: DataVolume | RuntimeVolume
    path: str
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class ContainerArgs:
    """What a container says about itself; all that is the same for every container is not here.

    `user` is `uid:gid`, numeric and not root. `files` maps the names of the files under
    `/etc/tasktracker` to their contents. `tmpfs` lists folders of scratch space in memory.
    `stop_timeout` is how long, in seconds, a stop waits before it kills. `shm_size` is in MB.
    """

    context: Context
    service: str
    image: ImageRef
    user: str
    resources: Resources
    networks: Sequence[Attachment]
    slot: str | None = None
    command: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    tmpfs: Sequence[str] = ("/tmp",)  # noqa: S108 - a folder in the container's own memory
    shm_size: int | None = None
    stop_timeout: int = 10


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs(ContainerArgs):
    """A service.

    `wait_timeout` is how long, in seconds, `up` waits for it to be healthy. `follows` is the container of a
    service that this one can't outlive: before that one is replaced this one is removed, and after it
    made anew.

    `reload` says that the image takes up changed files by itself, by the manifest that comes with them (see
    `FileVolume`), so that a change replaces no container. Such an image has the command `await-files DIGEST`, which
    waits until the files of that digest are in use and fails, with the reason, if they won't be.
    """

    health: HealthCheck
    wait_timeout: int
    follows: pulumi.Resource | None = None
    ports: Sequence[PublishedPort] = ()
    reload: bool = False


@dataclass(frozen=True, kw_only=True)
class OneShotArgs(ContainerArgs):
    """A job. `timeout` is how long it may run, in seconds, before it is killed and has failed."""

    timeout: int


class Workload(pulumi.ComponentResource):
    """A service that runs for ever, and is healthy when `up` is through."""

    container_name: pulumi.Output[str]
    container: pulumi.Resource
    """What another workload may follow."""

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Workload", name, None, opts)
        files = _files(self, name, args, manifest=args.reload)
        container = docker.Container(
            name,
            **_container(args, files, follow=not args.reload),
            # `unless-stopped` takes a container that ran as the daemon was killed for one that a person has stopped.
            restart="always",
            must_run=True,
            healthcheck=docker.ContainerHealthcheckArgs(
                tests=["CMD", *args.health.command],
                interval=_duration(args.health.interval),
                timeout=_duration(args.health.timeout),
                start_period=_duration(args.health.start_period),
                retries=args.health.retries,
            ),
            wait=True,
            wait_timeout=args.wait_timeout,
            ports=args.context.ordered(
                args.context.naming.container(args.service, args.slot),
                "ports",
                {
                    str(port.internal): docker.ContainerPortArgs(
                        internal=port.internal, external=port.external, ip=port.address, protocol="tcp"
                    )
                    for port in args.ports
                },
            ),
            opts=_replaceable(
                child_after(self, opts, *files),
                replace_with=[args.follows] if args.follows else None,
                hooks=pulumi.ResourceHookBinding(on_error=[_show_log(name)]),
            ),
        )
        self.container, self.container_name = container, container.name
        args.context.pids.add(args.context.naming.container(args.service, args.slot), container.id, args.resources.pids)
        if args.reload:
            self._await_files(name, args, container, *files)
        self.register_outputs({"container_name": self.container_name})

    def _await_files(self, name: str, args: WorkloadArgs, container: docker.Container, files: FileVolume) -> None:
        """Fails the update if the container doesn't take up its files.

        The provider is through when it has brought them. So the gate's hook asks the container, as in `OneShot`.
        """
        container_name = args.context.naming.container(args.service, args.slot)

        async def ask(hook: pulumi.ResourceHookArgs) -> None:
            digest = str((hook.new_inputs or {})["input"])
            # In a thread, so that the program goes on with what doesn't depend on it.
            await asyncio.to_thread(docker_host.await_files, container_name, digest)

        in_use = pulumi.ResourceHook(f"await-files-{name}", ask)
        pulumi.Stash(
            f"{name}-files",
            input=files.digest,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[container, files],
                hooks=pulumi.ResourceHookBinding(before_create=[in_use], before_update=[in_use]),
            ),
        )


class OneShot(pulumi.ComponentResource):
    """A job that runs to its end, with exit code 0, before anything that depends on it starts.

    It runs again when its image, settings or files change, and after a failure with the next `up`.

    The provider can wait for a container's end but passes over a non-zero exit. So the container is
    only created by it, and the gate's hook starts it, waits, and fails the update: a gate whose hook
    failed is not recorded, and the next `up` finds it missing and tries again.
    """

    container_name: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: OneShotArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{SYSTEM}:components:OneShot", name, None, opts)
        files = _files(self, name, args)
        container = docker.Container(
            name,
            **_container(args, files),
            restart="no",
            start=False,
            must_run=False,
            opts=_replaceable(child_after(self, opts, *files)),
        )

        async def run(hook: pulumi.ResourceHookArgs) -> None:
            inputs = hook.new_inputs or {}
            # In a thread, so that the program goes on registering what doesn't depend on the job.
            await asyncio.to_thread(docker_host.run_job, str(inputs["input"]), args.timeout, args.resources.pids)

        run_job = pulumi.ResourceHook(f"run-{name}", run)
        pulumi.Stash(
            name,
            input=container.id,
            opts=pulumi.ResourceOptions(
                parent=self,
                hooks=pulumi.ResourceHookBinding(before_create=[run_job], before_update=[run_job]),
            ),
        )
        self.container_name = container.name
        self.register_outputs({"container_name": self.container_name})


def _replaceable(
    opts: pulumi.ResourceOptions,
    *,
    replace_with: list[pulumi.Resource] | None = None,
    hooks: pulumi.ResourceHookBinding | None = None,
) -> pulumi.ResourceOptions:
    """Options under which every change of a container takes effect."""
    return pulumi.ResourceOptions.merge(
        opts,
        pulumi.ResourceOptions(
            # The container's name, fixed address and published port are each taken only once.
            delete_before_replace=True,
            replace_on_changes=REPLACE_ON_CHANGES,
            replace_with=replace_with,
            hooks=hooks,
        ),
    )


def _files(
    parent: pulumi.ComponentResource, name: str, args: ContainerArgs, *, manifest: bool = False
) -> Sequence[FileVolume]:
    """The volume with the container's files; none where it has no files."""
    if not args.files:
        return ()
    volume = FileVolumeArgs(args.context, args.service, args.image, args.files, args.slot, manifest)
    return (FileVolume(f"{name}-files", volume, pulumi.ResourceOptions(parent=parent)),)


def _container(args: ContainerArgs, files: Sequence[FileVolume], *, follow: bool = True) -> dict[str, Any]:
    """The arguments of every container that runs; there is no way round them. `follow`: changed files replace it."""
    labels: dict[str, pulumi.Input[str]] = {
        **args.context.naming.labels(args.service, slot=args.slot, release=args.image.release)
    }
    mounts = {
        # Unset for a volume that is written: the provider sees a change in `false`.
        mount.path: docker.ContainerMountArgs(
            type="volume", source=mount.volume.name, target=mount.path, read_only=mount.read_only or None
        )
        for mount in args.mounts
    }
    name, ordered = args.context.naming.container(args.service, args.slot), args.context.ordered
    for volume in files:
        if follow:
            # A label that changes makes a new container: this is how it follows its files, and how the
            # preview's diff says so.
            labels["files"] = volume.digest
        mounts[MOUNT_PATH] = docker.ContainerMountArgs(
            type="volume", source=volume.volume, target=MOUNT_PATH, read_only=True
        )
    return {
        **hardened(memory=args.resources.memory, cpus=_cpus(args.resources.cpus)),
        "name": name,
        "image": str(args.image),
        "command": list(args.command) or None,
        "user": args.user,
        "read_only": True,
        "tmpfs": dict.fromkeys(args.tmpfs, f"rw,noexec,nosuid,nodev,size={TMPFS_SIZE}m,mode=1777"),
        "memory_reservation": args.resources.memory_reservation,
        "shm_size": args.shm_size,
        "ulimits": [docker.ContainerUlimitArgs(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES)],
        "init": True,
        "stop_timeout": args.stop_timeout,
        # Unset, the provider kills at once.
        "destroy_grace_seconds": args.stop_timeout,
        "envs": ordered(name, "envs", {key: f"{key}={value}" for key, value in sorted(args.env.items())}),
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
                args.context.naming.network(attachment.network.key): docker.ContainerNetworksAdvancedArgs(
                    name=attachment.network.name,
                    aliases=[args.service] if attachment.named else None,
                    ipv4_address=attachment.address,
                )
                for attachment in args.networks
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


def _duration(seconds: int) -> str:
    """Seconds as Go writes them: the provider reads a time back in this form, and compares texts.

    >>> _duration(30), _duration(60), _duration(3600)
    ('30s', '1m0s', '1h0m0s')
    """
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _show_log(name: str) -> pulumi.ErrorHook:
    """A hook that shows the end of a container's log when it did not become healthy."""

    async def show(args: pulumi.ErrorHookArgs) -> bool:
        # Other failures (no such image, a port that is taken) leave no log and say enough themselves.
        if any(NOT_HEALTHY in error for error in args.errors):
            container = str((args.new_inputs or {}).get("name", args.name))
            # In a thread, so that the program goes on with what doesn't depend on it.
            lines = await asyncio.to_thread(docker_host.last_log_lines, container)
            pulumi.log.error(f"{container} is not healthy; its log ends with\n{lines}")
        return False

    return pulumi.ErrorHook(f"show-log-{name}", show)
