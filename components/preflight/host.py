"""The checks of a stack's Docker host, in one place: nothing is declared before all of them have passed."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from typing import Final

import pulumi

from components.core import host_client, provider
from components.preflight import engine_version, host_conflicts, images, memory, ports, streams, switched
from components.preflight.ownership import Found, Owner, data_numbers, owner_of, unnamed_volumes
from remote import reason, redacted
from settings import Settings
from settings.ownership import Memory, is_data

TIMEOUT: Final = 5
"""Seconds that the host has for each of its answers in a preview."""

NOT_CHECKED: Final = (
    "the Docker host does not answer, so its subnets, ports, names, images and data volumes could not be checked"
)


def check_host(stack: str, settings: Settings, state: Future[Memory]) -> Owner:
    """Asks the Docker host, and refuses what would fail there or harm what is there.

    An update pulls the images that are missing. A preview only warns where the host does not answer. `state` is what
    the stack's last state has of the host.

    Raises:
        pulumi.RunError: what another state owns, what is gone, what clashes, which images cannot be had, which limit
            is too low, or the engine's version; each with the commands that help.
    """
    import docker  # noqa: PLC0415 - see `components.core.host_client`
    import requests  # noqa: PLC0415 - whose errors the Docker client lets through

    try:
        return _check_host(stack, settings, state)
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        _go_on_without(redacted(reason(error)))
    if message := unnamed_volumes(stack, settings, state.result()):
        raise pulumi.RunError(message)
    return Owner.of(state.result())


def _check_host(stack: str, settings: Settings, state: Future[Memory]) -> Owner:
    """Asks once; errors of Docker's client are the caller's."""
    client = host_client.client(TIMEOUT if pulumi.runtime.is_dry_run() else host_client.REQUEST_TIMEOUT)
    version = client.api.version()
    if too_old := engine_version.refusal(version):
        raise pulumi.RunError(too_old)
    found = Found(client.api.networks(), client.api.containers(all=True), client.api.volumes()["Volumes"] or [])
    owner = _owner(stack, settings, state.result(), found)
    memory.refuse_too_low(stack, settings, state.result().limits, client)
    streams.refuse_too_small(stack, settings, client)
    records, deviation = switched.checked(stack, owner.records, found.containers, client)
    # The last check, as it changes the host: an update pulls.
    images.require(stack, settings, client)
    if newer := engine_version.notice(version):
        pulumi.log.info(newer)
    if deviation:
        pulumi.log.info(f"the switch between releases is repeated: {deviation}")
    return replace(owner, records=records)


def _owner(stack: str, settings: Settings, state: Memory, found: Found) -> Owner:
    """Whose the things on the host are.

    Raises:
        pulumi.RunError: something is another state's, is gone, or clashes.
    """
    owner = owner_of(stack, settings, state, found)
    judged = state.volumes | {name for name in owner.origins if is_data(stack, name, data_numbers(settings))}
    others = host_conflicts.find(
        stack, found.networks, found.containers, (each for each in found.volumes if each["Name"] not in judged)
    )
    if host_client.is_local():
        others = ports.with_processes(others, settings, found.containers)
    if message := host_conflicts.refusal(stack, settings, others):
        raise pulumi.RunError(message)
    return owner


def _go_on_without(reason: str) -> None:
    """Warns in a preview that the Docker host does not answer; an update stops, so as not to change it unchecked."""
    if not pulumi.runtime.is_dry_run():
        # It may know better what to do.
        provider.refuse_unusable()
        raise pulumi.RunError(f"{NOT_CHECKED} ({reason}). Nothing was changed.")
    pulumi.log.warn(f"{NOT_CHECKED} ({reason})")
