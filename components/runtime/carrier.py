"""Containers that are never started: they bring files into a volume, or keep Docker from pruning volumes."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_docker as docker

from components.core.context import Context
from components.runtime.hardening import hardened
from settings.values.image_ref import ImageRef

#: MB; Docker's smallest allowed limit is 6.
MEMORY = 16


def carrier(
    name: str,
    context: Context,
    service: str,
    image: ImageRef,
    opts: pulumi.ResourceOptions,
    *,
    slot: str | None = None,
    **more: Any,  # noqa: ANN401 - arguments of the container
) -> docker.Container:
    """A carrier of a service, from any image of the host; `more` says what it has, as `docker.Container` takes it."""
    container = context.naming.container(name)
    labels = context.naming.labels(service, slot=slot)
    return docker.Container(
        name,
        name=container,
        image=str(image),
        command=["true"],
        start=False,
        must_run=False,
        network_mode="none",
        user="65534:65534",
        # It never runs; the limits are there for one that is started by hand.
        **hardened(memory=MEMORY, cpus="0.1"),
        restart="no",
        destroy_grace_seconds=1,
        labels=context.ordered(
            container,
            "labels",
            {label: docker.ContainerLabelArgs(label=label, value=value) for label, value in labels.items()},
        ),
        opts=opts,
        **more,
    )
