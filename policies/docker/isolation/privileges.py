"""What root in a container may do: privileged mode and capabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.containers import CONTAINER, SERVICE
from policies.docker.isolation.lists import has_unknown_item, known_items
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import flag, text

#: The one capability that may be added, after normalisation.
ALLOWED_CAPABILITY: Final = "NET_BIND_SERVICE"


def _privileged(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    field = resource.container.field("privileged")
    # A text that is neither true nor false is refused by the provider; unset and unknown are not true.
    if field.path and flag(field.value):
        yield Finding(field.path, field.value, "false or unset")


def _capabilities(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    drops = resource.container.field("capabilities.drops")
    # The daemon takes ALL in any case, but with no prefix.
    if not has_unknown_item(drops) and not any(
        (text(item.value) or "").upper() == "ALL" for item in known_items(drops)
    ):
        yield Finding(drops.path or "", drops.value, "a list with ALL in it")
    for item in known_items(resource.container.field("capabilities.adds")):
        if (text(item.value) or "").upper().removeprefix("CAP_") != ALLOWED_CAPABILITY:
            yield Finding(item.path or "", item.value, f"at most {ALLOWED_CAPABILITY}")


RULES = (
    Rule(
        id="DKR-PRIV",
        title="No privileged containers",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS Docker 1.6, 5.5",),
        reads={CONTAINER: ("privileged",)},
        why="A privileged container has every capability and device of the host: root in it is root on the host.",
        fix="Remove `privileged`. Grant the one capability that is needed, if it is among those that DKR-CAPS allows.",
        check=_privileged,
        waivable=False,
    ),
    Rule(
        id="DKR-CAPS",
        title="No capabilities but NET_BIND_SERVICE",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.4", "Kubernetes PSS restricted", "OWASP Docker #3"),
        reads={
            CONTAINER: ("capabilities",),
            SERVICE: ("taskSpec.containerSpec.capDrops", "taskSpec.containerSpec.capAdds"),
        },
        why="Docker grants fourteen capabilities by default, among them those to forge packets, to pass over file "
        "permissions and to become another user. A service that listens on a port needs none of them.",
        fix='Drop them all (`drops: ["ALL"]`; `capDrops` of a service) and add at most `NET_BIND_SERVICE`.',
        check=_capabilities,
    ),
)
