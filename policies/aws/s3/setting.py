"""Settings of buckets that are resources of their own: each is right, and every bucket has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from policies.aws.s3.types import BUCKETS
from policies.resource import Resource
from policies.rule import Check, Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting of buckets, called `name` in the ids of its rules.

    `types` are those of its resource, of which `properties` are read. `bucket_properties` are the deprecated ones of
    the bucket itself that set the same, and `also` what else is read, by type.
    """

    name: str
    types: tuple[str, ...]
    properties: tuple[str, ...]
    bucket_properties: tuple[str, ...] = ()
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def rule(
        self,
        check: Check,
        *,
        title: str,
        severity: Severity,
        sources: tuple[str, ...],
        why: str,
        fix: str,
        options: type[Options] = Options,
    ) -> Rule:
        """The rule S3-`name`: what is in the setting is right."""
        of_buckets = dict.fromkeys(BUCKETS, self.bucket_properties) if self.bucket_properties else {}
        return Rule(
            id=f"S3-{self.name}",
            title=title,
            level=Level.MANDATORY,
            severity=severity,
            sources=sources,
            reads={**dict.fromkeys(self.types, self.properties), **of_buckets, **self.also},
            why=why,
            fix=fix,
            check=check,
            options=options,
        )

    def companion(self, *, title: str, severity: Severity, sources: tuple[str, ...], why: str) -> Rule:
        """The rule STACK-S3-`name`: every bucket has the setting's resource."""
        resource = self.types[0].rpartition(":")[2]
        return Rule(
            id=f"STACK-S3-{self.name}",
            title=title,
            level=Level.MANDATORY,
            severity=severity,
            sources=sources,
            reads=dict.fromkeys((*BUCKETS, *self.types), ("bucket",)),
            why=why,
            fix=f"Add a {resource} with `bucket` set to this bucket's `id`; S3-{self.name} says what has to be in it. "
            "A property of the bucket itself doesn't count: those are deprecated.",
            check_stack=partial(missing, types=self.types, allowed=f"a {resource} for the bucket"),
        )


def missing(
    resources: Sequence[Resource], scope: Scope[Options], *, types: tuple[str, ...], allowed: str
) -> Iterator[Finding]:
    """Findings of the buckets that have no resource of `types`."""
    for bucket in unserved(resources, types):
        yield Finding("bucket", bucket.get("bucket"), allowed, bucket.urn)


def unserved(resources: Sequence[Resource], types: Sequence[str]) -> Iterator[Resource]:
    """The buckets among `resources` that none of those of `types` is for.

    A resource is for the bucket that its property `bucket` names. Where that is known only at `up`,
    it is for the one that the value comes from; if it comes from no bucket, it may be for any.
    """
    buckets = [resource for resource in resources if resource.type in BUCKETS]
    urns = {bucket.urn for bucket in buckets}
    named: set[str] = set()
    linked: set[str] = set()
    linked_by_known: set[str] = set()
    for resource in resources:
        if resource.type not in types:
            continue
        value = resource.get("bucket")
        origins = urns.intersection(resource.dependencies.get("bucket", ()))
        if isinstance(value, str):
            named.add(value)
            linked_by_known |= origins
        elif value is UNKNOWN:
            if not origins:
                return
            linked |= origins
    for bucket in buckets:
        names = {name for name in (bucket.get("bucket"), bucket.get("id")) if isinstance(name, str) and name}
        # Only a bucket whose name isn't known yet can be told by where the name came from.
        known = not named.isdisjoint(names) if names else bucket.urn in linked_by_known
        if not known and bucket.urn not in linked:
            yield bucket
