"""The Docker provider of a stack that runs on a host of its own choice: `tasktracker:docker_host`.

Without that block the default provider makes what Docker has, and none of this is there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pulumi
import pulumi_docker as docker

from components.core.host_client import client, configured
from components.core.naming import Naming
from remote import CONFIG_KEY, DockerHost, HostError, advice, check, redacted, sdk
from settings import Settings
from settings.errors import PULUMI

if TYPE_CHECKING:
    from docker import DockerClient

#: Seconds for this machine's own Docker to say whether it has the stack.
LOOK_TIMEOUT = 5

#: The variable by which a person says that another host is meant, by its address.
NEW_HOST = "TASKTRACKER_NEW_HOST"

#: What a stack without the block is on, in words.
DEFAULT_HOST = "the Docker of this machine"


def provider_of(naming: Naming, settings: Settings) -> docker.Provider | None:
    """The provider of all of the stack's Docker resources; None where the default one is meant.

    On an update the host is asked first: one that can't be used is one message then, and not one for each resource.

    Raises:
        pulumi.RunError: it can't be used; says why and what to do.
    """
    host = configured()
    if host is None:
        return None
    if not pulumi.runtime.is_dry_run():
        refuse_unusable()
    config = pulumi.Config()
    folder = host.certificate_folder
    return docker.Provider(
        "docker-host",
        host=host.address,
        ssh_opts=host.ssh_options if host.over_ssh else None,
        cert_path=str(folder) if folder else None,
        registry_auth=[
            docker.ProviderRegistryAuthArgs(
                address=address, username=registry.username, password=config.require_secret(registry.password)
            )
            for address, registry in sorted(settings.registries.items())
        ]
        or None,
        opts=pulumi.ResourceOptions(depends_on=[_same_host(naming, host)]),
    )


def refuse_unusable() -> None:
    """Asks the host that the stack's config names, if it names one.

    Raises:
        pulumi.RunError: it can't be used; says why and what to do.
    """
    host = configured()
    try:
        if host is not None:
            check(host)
    except HostError as error:
        raise pulumi.RunError(f"{CONFIG_KEY}: {error}\nNothing was changed.") from None


def _same_host(naming: Naming, host: DockerHost) -> pulumi.Resource:
    """Refuses another host for a stack that is there, be it by a changed block, a new one, or one that is gone.

    Pulumi would take all that is in its state to be on the new host, and change what is not there.
    """
    volume = naming.volume("uploads")

    async def look(args: pulumi.ResourceHookArgs) -> None:
        old = (args.old_inputs or {}).get("input")
        if old == host.address or os.environ.get(NEW_HOST) == host.address:
            return
        # In threads, so that the program goes on with what doesn't depend on it.
        if old is None and not await asyncio.to_thread(has_volume, _default_client, volume):
            return
        if not await asyncio.to_thread(has_volume, client, volume):
            raise HostError(moved(str(old or DEFAULT_HOST), host.address, volume))

    hook = pulumi.ResourceHook("docker-host-is-the-same", look)
    return pulumi.Stash(
        "docker-host",
        input=host.address,
        opts=pulumi.ResourceOptions(
            # With the block gone the default provider would have the stack.
            protect=True,
            hooks=pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook]),
        ),
    )


def moved(old: str, new: str, volume: str) -> str:
    """The message on another host in a stack's config."""
    return (
        f"the stack is on {redacted(old)}, and {CONFIG_KEY}.address is {new}, where its volume {volume} is not: that is"
        " another host. A stack doesn't move by its config: set the address back. To begin anew there, with the secrets"
        f" of the stack and without its data: `{NEW_HOST}={new} {PULUMI} up --stack {pulumi.get_stack()} --refresh"
        " --run-program`"
    )


def _default_client() -> DockerClient:
    """A client for the host that a stack without the block has."""
    return sdk.client(None, LOOK_TIMEOUT)


def has_volume(connect: Callable[[], DockerClient], name: str) -> bool:
    """Whether a host answers and has a Docker volume of that name."""
    import docker as docker_sdk  # noqa: PLC0415 - as in docker_host
    import requests  # noqa: PLC0415

    try:
        connect().volumes.get(name)
    except (docker_sdk.errors.DockerException, requests.exceptions.RequestException):
        return False
    return True


def with_provider(opts: pulumi.ResourceOptions | None, provider: docker.Provider) -> pulumi.ResourceOptions:
    """Options with which all that a component makes on a Docker host is made by `provider`.

    Where that fails because the host cannot be used, what to do is said, once.
    """
    host = configured()
    told: set[str] = set()

    async def advise(args: pulumi.ErrorHookArgs) -> bool:
        text = host and advice("\n".join(args.errors), host)
        if text and text not in told:
            told.add(text)
            pulumi.log.error(
                f"{text}\nWhat was changed so far stays, and the next `pulumi up` goes on from there. If Docker was"
                " just making a container, it says what to do first."
            )
        return False

    hook = pulumi.ErrorHook("advise-docker-host", advise)

    def with_advice(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if not args.type_.startswith("docker:"):
            return None
        hooks = pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(on_error=[hook]))
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, hooks))

    return pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(providers=[provider], transformations=[with_advice])
    )
