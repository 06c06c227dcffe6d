"""Every rule of the pack, in the order of the documents."""

from __future__ import annotations

from policies.aws import iam
from policies.aws.s3 import (
    access_logs,
    acl,
    bucket_policy,
    deletion,
    encryption,
    lifecycle,
    object_lock,
    public_access,
    versioning,
)
from policies.cloudflare import admin_hosts, catch_all, destinations, remote_config, tls, tokens
from policies.config import PACK
from policies.docker import (
    health,
    hosts,
    images,
    labels,
    limits,
    logs,
    providers,
    read_only,
    restart,
    secrets,
    uploads,
)
from policies.docker.isolation import devices, namespaces, privileges, security_options, sysctls, user
from policies.docker.monitoring import exposure
from policies.docker.mounts import binds, sockets, volumes
from policies.docker.network import networks, ports
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
    *user.RULES,
    *privileges.RULES,
    *security_options.RULES,
    *namespaces.RULES,
    *devices.RULES,
    *sysctls.RULES,
    *limits.RULES,
    *sockets.RULES,
    *binds.RULES,
    *volumes.RULES,
    *ports.RULES,
    *exposure.RULES,
    *networks.RULES,
    *uploads.RULES,
    *secrets.RULES,
    *images.RULES,
    *read_only.RULES,
    *health.RULES,
    *logs.RULES,
    *restart.RULES,
    *hosts.RULES,
    *providers.RULES,
    *public_access.RULES,
    *encryption.RULES,
    *versioning.RULES,
    *lifecycle.RULES,
    *acl.RULES,
    *bucket_policy.RULES,
    *deletion.RULES,
    *object_lock.RULES,
    *access_logs.RULES,
    *iam.RULES,
    *catch_all.RULES,
    *destinations.RULES,
    *tls.RULES,
    *tokens.RULES,
    *remote_config.RULES,
    *admin_hosts.RULES,
    *labels.RULES,
    # What goes with every bucket: a resource of its own for each of its settings.
    *(each.COMPANION for each in (public_access, encryption, versioning, lifecycle, acl, bucket_policy, object_lock)),
)
