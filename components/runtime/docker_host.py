"""Docker containers on one host: the only module that makes those that run, hardened, limited, watched.

Components describe what they need as specs (`components.spec`), and know nothing of this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.core import host_client
from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.runtime import Given, Running
from components.runtime.files import FileVolume, FileVolumeArgs
from components.runtime.recipe import container_args, duration
from components.spec.container import JobSpec, ServiceSpec

#: What the provider leaves alone, silently, when it updates a container in place (its update looks at
#: restart, memory and a few more), and what it can only apply by making a new container. Of `mounts` it
#: takes a change of their number for one, and not a change of a volume.
#: "#initerror" is the engine's name for a creation that failed half-way, such as a container that did
#: not become healthy: without it the next `up` would pass without looking again.
REPLACE_ON_CHANGES = ["healthcheck", "mounts", "tmpfs", "init", "cpus", "stopTimeout", "#initerror"]


#: What the provider says when `wait` ran out of time.
NOT_HEALTHY = "container failed to be in healthy state"


@dataclass(frozen=True)
class DockerHost:
    """The runtime of a stack on one Docker host."""

    context: Context

    def service(self, name: str, spec: ServiceSpec, given: Given, opts: pulumi.ResourceOptions) -> Running:
        """See `Runtime`."""
        return Workload(name, WorkloadArgs(self.context, spec, given), opts)

    def job(self, name: str, spec: JobSpec, given: Given, opts: pulumi.ResourceOptions) -> Running:
        """See `Runtime`."""
        return OneShot(name, OneShotArgs(self.context, spec, given), opts)


@dataclass(frozen=True)
class WorkloadArgs:
    """A service to render."""

    context: Context
    spec: ServiceSpec
    given: Given


@dataclass(frozen=True)
class OneShotArgs:
    """A job to render."""

    context: Context
    spec: JobSpec
    given: Given


class Workload(Running):
    """A service that runs for ever, and is healthy when `up` is through."""

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Workload", name, None, opts)
        spec, follows = args.spec, args.given.follows
        container_name = args.context.naming.container(spec.service, spec.slot)
        files = _files(self, name, args, manifest=spec.reload)
        container = docker.Container(
            name,
            **container_args(args.context, spec, args.given, files, follow=not spec.reload),
            # `unless-stopped` takes a container that ran as the daemon was killed for one that a person has stopped.
            # What the switch starts and stops it gives the policy too: `no` for one that is stopped.
            restart="no" if spec.held else "always",
            start=False if spec.held else None,
            must_run=not spec.held,
            healthcheck=docker.ContainerHealthcheckArgs(
                tests=["CMD", *spec.health.command],
                interval=duration(spec.health.interval),
                timeout=duration(spec.health.timeout),
                start_period=duration(spec.health.start_period),
                retries=spec.health.retries,
            ),
            wait=None if spec.held else True,
            wait_timeout=None if spec.held else spec.wait_timeout,
            ports=args.context.ordered(
                container_name,
                "ports",
                {
                    str(port.internal): docker.ContainerPortArgs(
                        internal=port.internal, external=port.external, ip=port.address, protocol="tcp"
                    )
                    for port in spec.ports
                },
            ),
            opts=_replaceable(
                child_after(self, opts, *files),
                replace_with=[follows] if follows else None,
                ignored=["restart"] if spec.held else (),
                hooks=pulumi.ResourceHookBinding(on_error=[_show_log(name)]),
            ),
        )
        self.container, self.container_name = container, container.name
        self.pids = spec.limits.pids
        args.context.pids.add(container_name, container.id, spec.limits.pids)
        if spec.reload:
            self._await_files(name, container_name, container, *files)
        self.register_outputs({"container_name": self.container_name})

    def _await_files(self, name: str, container_name: str, container: docker.Container, files: FileVolume) -> None:
        """Fails the update if the container doesn't take up its files.

        The provider is through when it has brought them. So the gate's hook asks the container, as in `OneShot`.
        """

        async def ask(hook: pulumi.ResourceHookArgs) -> None:
            digest = str((hook.new_inputs or {})["input"])
            # In a thread, so that the program goes on with what doesn't depend on it.
            await asyncio.to_thread(host_client.await_files, container_name, digest)

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


class OneShot(Running):
    """A job that runs to its end, with exit code 0, before anything that depends on it starts.

    It runs again when its image, settings or files change, and after a failure with the next `up`.

    The provider can wait for a container's end but passes over a non-zero exit. So the container is
    only created by it, and the gate's hook starts it, waits, and fails the update: a gate whose hook
    failed is not recorded, and the next `up` finds it missing and tries again.
    """

    def __init__(self, name: str, args: OneShotArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:OneShot", name, None, opts)
        spec = args.spec
        files = _files(self, name, args)
        container = docker.Container(
            name,
            **container_args(args.context, spec, args.given, files),
            restart="no",
            start=False,
            must_run=False,
            opts=_replaceable(child_after(self, opts, *files)),
        )

        async def run(hook: pulumi.ResourceHookArgs) -> None:
            inputs = hook.new_inputs or {}
            # In a thread, so that the program goes on registering what doesn't depend on the job.
            await asyncio.to_thread(host_client.run_job, str(inputs["input"]), spec.timeout, spec.limits.pids)

        run_job = pulumi.ResourceHook(f"run-{name}", run)
        pulumi.Stash(
            name,
            input=container.id,
            opts=pulumi.ResourceOptions(
                parent=self,
                hooks=pulumi.ResourceHookBinding(before_create=[run_job], before_update=[run_job]),
            ),
        )
        self.container, self.container_name = container, container.name
        self.register_outputs({"container_name": self.container_name})


def _replaceable(
    opts: pulumi.ResourceOptions,
    *,
    replace_with: list[pulumi.Resource] | None = None,
    ignored: Sequence[str] = (),
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
            ignore_changes=[*ignored],
            hooks=hooks,
        ),
    )


def _files(
    parent: pulumi.ComponentResource, name: str, args: WorkloadArgs | OneShotArgs, *, manifest: bool = False
) -> Sequence[FileVolume]:
    """The volume with the container's files; none where it has no files."""
    spec, contents = args.spec, args.given.files
    if {*spec.files} != contents.keys():
        raise ValueError(f"{name} has the files {sorted(spec.files)} and is given {sorted(contents)}")
    if not contents:
        return ()
    volume = FileVolumeArgs(args.context, spec.service, spec.image, contents, spec.slot, manifest)
    return (FileVolume(f"{name}-files", volume, pulumi.ResourceOptions(parent=parent)),)


def _show_log(name: str) -> pulumi.ErrorHook:
    """A hook that shows the end of a container's log when it did not become healthy."""

    async def show(args: pulumi.ErrorHookArgs) -> bool:
        # Other failures (no such image, a port that is taken) leave no log and say enough themselves.
        if any(NOT_HEALTHY in error for error in args.errors):
            container = str((args.new_inputs or {}).get("name", args.name))
            # In a thread, so that the program goes on with what doesn't depend on it.
            lines = await asyncio.to_thread(host_client.last_log_lines, container)
            pulumi.log.error(f"{container} is not healthy; its log ends with\n{lines}")
        return False

    return pulumi.ErrorHook(f"show-log-{name}", show)
