"""Which user and groups a container runs as."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.containers import CONTAINER, SERVICE
from policies.docker.isolation.lists import known_items
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import text

#: The highest id that runc and moby take (`maxID` in moby/sys/user).
MAX_ID: Final = 2**31 - 1

#: Digits of ids: as many as a text may sensibly have, leading zeros included.
ID_PATTERN: Final = re.compile(r"[0-9]{1,32}")


def _is_id(value: str) -> bool:
    """Whether it is the number of a user or group that isn't root's, in ASCII digits."""
    return bool(ID_PATTERN.fullmatch(value)) and 0 < int(value) <= MAX_ID


def _user(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    field = resource.container.field("user")
    if not field.unknown:
        user, separator, group = (text(field.value) or "").partition(":")
        if not (separator and _is_id(user) and _is_id(group)):
            yield Finding(field.path or "", field.value, f"uid:gid, two numbers from 1 to {MAX_ID}")
    for item in known_items(resource.container.field("groupAdds")):
        # A name is looked up in the image, which may give it any number: root's, or the host's docker group.
        if not _is_id(text(item.value) or ""):
            yield Finding(item.path or "", item.value, f"a number from 1 to {MAX_ID}")


RULES = (
    Rule(
        id="DKR-USER",
        title="A numeric user and group that aren't root",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 4.1", "Kubernetes PSS restricted", "OWASP Docker #2"),
        reads={
            CONTAINER: ("user", "groupAdds"),
            SERVICE: ("taskSpec.containerSpec.user", "taskSpec.containerSpec.groups"),
        },
        why="Root in a container is root on the host as soon as one more wall falls. A name is only as good as "
        "the image's `/etc/passwd`, a user without a group gets root's or the image's groups, and an image's own "
        "USER can change with its next build.",
        fix="Set `user` to numbers, such as `10001:10001`, and give additional groups as numbers too.",
        check=_user,
    ),
)
