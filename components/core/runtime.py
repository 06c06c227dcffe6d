"""What a runtime does for the components: it turns specs into what runs. They know no more of it than this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pulumi

from components.spec.container import JobSpec, ServiceSpec


class Volume(Protocol):
    """A volume that containers mount."""

    name: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a spec leaves out, since it is known in an update only.

    `files` are the contents of the spec's files, and `volumes` what its mounts name. `follows` is the container of a
    service that this one can't outlive: before that one is replaced this one is removed, and recreated after it.
    """

    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    follows: pulumi.Resource | None = None


class Running(pulumi.ComponentResource):
    """A service that is healthy, or a job that has ended well, where what depends on it comes up."""

    container_name: pulumi.Output[str]
    container: pulumi.CustomResource
    """What another service may follow."""


class Runtime(Protocol):
    """Where a stack runs."""

    def service(self, name: str, spec: ServiceSpec, given: Given, opts: pulumi.ResourceOptions) -> Running:
        """A service that runs for ever, and is healthy when `up` is through."""

    def job(self, name: str, spec: JobSpec, given: Given, opts: pulumi.ResourceOptions) -> Running:
        """A job that runs to its end, with exit code 0, before anything that depends on it starts."""
