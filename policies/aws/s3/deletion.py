"""Buckets and their contents can't be destroyed by one command."""

from __future__ import annotations

from collections.abc import Iterator

from policies.aws.s3.types import BUCKETS, DIRECTORY_BUCKET, OBJECTS
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import flag


def _deletion(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    force = resource.get("forceDestroy")
    if flag(force):
        yield Finding("forceDestroy", force, "false or unset")
    if resource.type not in OBJECTS and not resource.protect:
        yield Finding("protect", resource.protect, "true")


RULES = (
    Rule(
        id="S3-DEL",
        title="Buckets can't be destroyed along with their contents",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("AWS Well-Architected, REL09-BP02",),
        reads={
            **dict.fromkeys((*BUCKETS, DIRECTORY_BUCKET), ("forceDestroy",)),
            **dict.fromkeys(OBJECTS, ("forceDestroy",)),
        },
        why="With `forceDestroy`, one `pulumi destroy` or one replaced bucket deletes every backup and every version.",
        fix="Remove `forceDestroy`, and give the bucket the resource option `protect=True`.",
        check=_deletion,
    ),
)
