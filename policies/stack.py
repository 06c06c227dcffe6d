"""What every resource of a stack carries, and what goes with every bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial

from policies.aws_iam import POLICIES, ROLE, identity_policies
from policies.aws_s3 import (
    BUCKET_POLICY,
    BUCKETS,
    ENCRYPTION,
    LIFECYCLE,
    OBJECT_LOCK,
    OWNERSHIP_CONTROLS,
    PUBLIC_ACCESS_BLOCK,
    S3_ARN,
    VERSIONING,
    unserved,
)
from policies.containers import CONTAINER, SERVICE
from policies.policy_document import Statement, read, texts
from policies.resource import NETWORK, VOLUME, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, flag

LABELS = "labels"

#: Where labels are: a service has its own, and others for the containers that it starts.
CONTAINER_LABELS = "taskSpec.containerSpec.labels"


def _label(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    conventions = scope.conventions
    entries = resource.container.labels
    for place in (LABELS, CONTAINER_LABELS) if resource.type == SERVICE else (LABELS,):
        if resource.get(place) is UNKNOWN:
            continue
        here = [entry for entry in entries if entry.path.startswith(f"{place}[")]
        names = [entry.name for entry in here]
        for name, wanted in ((conventions.stack_label, scope.stack), (conventions.service_label, None)):
            if name not in names and UNKNOWN not in names:
                yield Finding(place, names or None, f"a list with the label `{name}`")
            # Of a label that is there twice the provider takes either, in the order of its hashes.
            for entry in here:
                if entry.name != name or not isinstance(entry.value, str):
                    continue
                if wanted is None and not entry.value.strip():
                    yield Finding(f"{entry.path}.value", entry.value, "the name of the service that it is part of")
                if wanted is not None and entry.value != wanted:
                    yield Finding(f"{entry.path}.value", entry.value, "the name of the stack")


def _accompanied(
    resources: Sequence[Resource], scope: Scope[Options], *, types: tuple[str, ...], allowed: str
) -> Iterator[Finding]:
    for bucket in unserved(resources, types):
        yield Finding("bucket", bucket.get("bucket"), allowed, bucket.urn)


def _locked(resources: Sequence[Resource], scope: Scope[Options]) -> Iterator[Finding]:
    # Whether a bucket has to have Object Lock at all is for S3-LOCK to say.
    lockable = [each for each in resources if each.type not in BUCKETS or flag(each.get("objectLockEnabled"))]
    yield from _accompanied(
        lockable, scope, types=OBJECT_LOCK, allowed="a BucketObjectLockConfiguration for the bucket"
    )
    # S3-LOCK lets a bucket be without one for its name alone.
    if scope.level is Level.MANDATORY:
        writes = [each for resource in resources for each in _statements(resource) if _writes(each)]
        for bucket in resources:
            switch, name = bucket.get("objectLockEnabled"), bucket.get("bucket")
            is_unlocked = bucket.type in BUCKETS and switch is not UNKNOWN and not flag(switch)
            if is_unlocked and isinstance(name, str) and any(_is_about(each, name) for each in writes):
                allowed = "true for a bucket that more than services of AWS may write to"
                yield Finding("objectLockEnabled", switch, allowed, bucket.urn)


def _statements(resource: Resource) -> Iterator[Statement]:
    """What a policy of a bucket or of an identity grants."""
    policies = [("policy", resource.get("policy"))] if resource.type == BUCKET_POLICY else identity_policies(resource)
    for path, policy in policies:
        yield from (each for each in read(path, policy).statements if each.grants)


def _writes(statement: Statement) -> bool:
    """Whether a statement lets more than services of AWS write objects."""
    kinds = {name for name in entries(statement.get("principal")) if not name.startswith("__")}
    return kinds != {"Service"} and any(
        fnmatchcase("s3:putobject", (text or "").lower()) for _, text, _ in texts("", statement.get("action"))
    )


def _is_about(statement: Statement, bucket: str) -> bool:
    """Whether a statement is about a bucket or its objects."""
    return any(
        text == "*" or ((match := S3_ARN.fullmatch(text or "")) and fnmatchcase(bucket, match[1].partition("/")[0]))
        for _, text, _ in texts("", statement.get("resource"))
    )


def _companion(
    name: str, title: str, types: tuple[str, ...], severity: Severity, sources: tuple[str, ...], why: str
) -> Rule:
    """The rule that every bucket has one of `types`; the rule S3-`name` says what has to be in it."""
    resource = types[0].rpartition(":")[2]
    return Rule(
        id=f"STACK-S3-{name}",
        title=title,
        level=Level.MANDATORY,
        severity=severity,
        sources=sources,
        reads={**dict.fromkeys(BUCKETS, ("bucket",)), **dict.fromkeys(types, ("bucket",))},
        why=why,
        fix=f"Add a {resource} with `bucket` set to this bucket's `id`; S3-{name} says what has to be in it. "
        "A property of the bucket itself doesn't count: those are deprecated.",
        check_stack=partial(_accompanied, types=types, allowed=f"a {resource} for the bucket"),
    )


RULES = (
    Rule(
        id="STACK-LABEL",
        title="Everything on a Docker host says which stack and service it belongs to",
        level=Level.MANDATORY,
        severity=Severity.LOW,
        sources=("Docker object labels",),
        reads={
            CONTAINER: (LABELS,),
            SERVICE: (LABELS, CONTAINER_LABELS),
            NETWORK: (LABELS,),
            VOLUME: (LABELS,),
        },
        why="Several stacks share a host: without labels nobody, and no clean-up, can tell whose a thing is.",
        fix="Give it both labels: the stack's with the stack's name, and the service's with the service's.",
        check=_label,
    ),
    _companion(
        "PAB",
        "Every bucket has its public access block",
        (PUBLIC_ACCESS_BLOCK,),
        Severity.CRITICAL,
        ("CIS AWS 3.0, 2.1.4", "CKV2_AWS_6"),
        "A bucket without a block of its own is as open as the account's settings and its next policy make it.",
    ),
    _companion(
        "SSE",
        "Every bucket says how it encrypts",
        ENCRYPTION,
        Severity.HIGH,
        ("CKV_AWS_19",),
        "What isn't written down changes unseen: a bucket that says nothing takes what its account happens to have.",
    ),
    _companion(
        "VER",
        "Every bucket has versioning",
        VERSIONING,
        Severity.HIGH,
        ("CKV_AWS_21",),
        "In a bucket without versions an object that was overwritten or deleted is gone.",
    ),
    _companion(
        "LIFE",
        "Every bucket has a lifecycle",
        LIFECYCLE,
        Severity.MEDIUM,
        ("CKV2_AWS_61",),
        "Without a lifecycle, old versions and the parts of broken uploads pile up for ever.",
    ),
    _companion(
        "ACL",
        "Every bucket has ownership controls",
        (OWNERSHIP_CONTROLS,),
        Severity.HIGH,
        ("CKV2_AWS_65",),
        "Ownership controls are what turns ACLs off; what is left to a default can be turned on again unseen.",
    ),
    _companion(
        "POL",
        "Every bucket has a policy that demands TLS",
        (BUCKET_POLICY,),
        Severity.HIGH,
        ("CIS AWS 3.0, 2.1.1", "CKV_AWS_379"),
        "A bucket without a policy answers requests in plain HTTP.",
    ),
    Rule(
        id="STACK-S3-LOCK",
        title="Every bucket with Object Lock has a default retention, and one without it has logs of AWS alone",
        level=Level.ADVISORY,
        production_level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CKV_AWS_143", "AWS Config s3-bucket-default-lock-enabled"),
        reads={
            **dict.fromkeys(BUCKETS, ("bucket", "objectLockEnabled")),
            **dict.fromkeys(OBJECT_LOCK, ("bucket",)),
            **dict.fromkeys((BUCKET_POLICY, *POLICIES), ("policy",)),
            ROLE: ("inlinePolicies",),
        },
        why="Object Lock alone locks nothing: without a default retention each writer decides for itself. A bucket "
        "of access logs needs none only as long as no identity can write backups to it.",
        fix="Add a BucketObjectLockConfiguration with `bucket` set to this bucket's `id`; S3-LOCK says what has to "
        "be in it. To a bucket of logs, allow `s3:PutObject` to services of AWS, such as logging.s3.amazonaws.com.",
        check_stack=_locked,
    ),
)
