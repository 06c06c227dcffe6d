"""Every rule of the pack, in the order of the documents."""

from __future__ import annotations

from policies import (
    aws_iam,
    aws_s3,
    cloudflare,
    docker_hosts,
    docker_identity,
    docker_images,
    docker_limits,
    docker_monitoring,
    docker_mounts,
    docker_networks,
    docker_ports,
    docker_providers,
    docker_runtime,
    docker_secrets,
    docker_uploads,
    stack,
)
from policies.config import PACK
from policies.rule import Conventions, Level, Rule, Severity

#: The rule about the pack itself. What breaks it is found by `policies.evaluate`, not by a check.
WAIVERS = Rule(
    id=PACK,
    title="Waivers are in force, in use and explained",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    sources=("This pack",),
    reads={},
    why="A waiver that nobody needs any more, or whose time is over, hides the next real violation.",
    fix="Mend what is wrong and take the waiver out of the waivers file.",
    options=Conventions,
    waivable=False,
)

RULES: tuple[Rule, ...] = (
    WAIVERS,
    *docker_identity.RULES,
    *docker_limits.RULES,
    *docker_mounts.RULES,
    *docker_ports.RULES,
    *docker_monitoring.RULES,
    *docker_networks.RULES,
    *docker_uploads.RULES,
    *docker_secrets.RULES,
    *docker_images.RULES,
    *docker_runtime.RULES,
    *docker_hosts.RULES,
    *docker_providers.RULES,
    *aws_s3.RULES,
    *aws_iam.RULES,
    *cloudflare.RULES,
    *stack.RULES,
)
