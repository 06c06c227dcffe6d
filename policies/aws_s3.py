"""Buckets in S3: who can read them, and that what is in them lasts as long as it should and no longer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field

from policies.limits import limit
from policies.policy_document import Document, Statement, broad_actions, broad_principals, read, texts
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, flag, is_unset, items, lookup, number


def _types(name: str) -> tuple[str, str]:
    """The type of a resource, and the one it had before version 7 of the provider."""
    return f"aws:s3/{name}:{name[0].upper()}{name[1:]}", f"aws:s3/{name}V2:{name[0].upper()}{name[1:]}V2"


BUCKETS: Final = _types("bucket")
DIRECTORY_BUCKET: Final = "aws:s3/directoryBucket:DirectoryBucket"
#: Buckets that have no Object Lock: those of S3 Express One Zone, of S3 on Outposts and of Lightsail.
WITHOUT_LOCK: Final = (DIRECTORY_BUCKET, "aws:s3control/bucket:Bucket", "aws:lightsail/bucket:Bucket")
ACL: Final = _types("bucketAcl")
ENCRYPTION: Final = _types("bucketServerSideEncryptionConfiguration")
LIFECYCLE: Final = _types("bucketLifecycleConfiguration")
LOGGING: Final = _types("bucketLogging")
OBJECT_LOCK: Final = _types("bucketObjectLockConfiguration")
VERSIONING: Final = _types("bucketVersioning")
OWNERSHIP_CONTROLS: Final = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
PUBLIC_ACCESS_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ACCOUNT_PUBLIC_ACCESS_BLOCK: Final = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
ACCESS_POINT: Final = "aws:s3/accessPoint:AccessPoint"
MULTI_REGION_ACCESS_POINT: Final = "aws:s3control/multiRegionAccessPoint:MultiRegionAccessPoint"
OBJECT_COPY: Final = "aws:s3/objectCopy:ObjectCopy"
OBJECTS: Final = ("aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2", OBJECT_COPY)

#: The four ways in which public access is blocked.
BLOCKS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")

#: Where an access point has its own blocks; those that it doesn't set are on.
ACCESS_POINT_BLOCKS: Final = {
    ACCESS_POINT: "publicAccessBlockConfiguration",
    MULTI_REGION_ACCESS_POINT: "details.publicAccessBlock",
}

#: Policies that let somebody reach a bucket, beside the bucket's own.
ACCESS_POLICIES: Final = {
    ACCESS_POINT: "policy",
    "aws:s3control/accessPointPolicy:AccessPointPolicy": "policy",
    "aws:s3control/multiRegionAccessPointPolicy:MultiRegionAccessPointPolicy": "details.policy",
    "aws:s3control/objectLambdaAccessPointPolicy:ObjectLambdaAccessPointPolicy": "policy",
}

ALGORITHMS: Final = frozenset({"AES256", "aws:kms", "aws:kms:dsse"})
RETENTION_MODES: Final = frozenset({"COMPLIANCE", "GOVERNANCE"})

#: The ACLs that give nobody but the owner anything: of a bucket, and of an object.
BUCKET_ACLS: Final = frozenset({"private"})
OBJECT_ACLS: Final = frozenset({"private", "bucket-owner-full-control"})

#: The ARN of what is in S3 under a name.
S3_ARN: Final = re.compile(r"arn:(?:aws[a-z-]*|\*):s3:::(.+)", re.DOTALL)

DAYS_OF_A_YEAR: Final = 365

#: At least one day, as S3 counts.
Days = Annotated[int, Field(ge=1)]


def _public_access_block(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    place = ACCESS_POINT_BLOCKS.get(resource.type)
    for name in BLOCKS:
        path = f"{place}.{name}" if place else name
        value = resource.get(path)
        if value is UNKNOWN or flag(value) or (place and is_unset(value)):
            continue
        yield Finding(path, value, "true")


def _encryption(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    allowed = "AES256, aws:kms or aws:kms:dsse"
    if resource.type in ENCRYPTION:
        rules = resource.get("rules")
        if rules is not UNKNOWN and not items(rules):
            yield Finding("rules", rules, "one rule that encrypts")
        default = "applyServerSideEncryptionByDefault.sseAlgorithm"
        found = [(f"rules[{index}].{default}", lookup(item, default)) for index, item in items(rules)]
    else:
        found = [
            (f"{name}.{path}", resource.get(f"{name}.{path}"))
            for name, path in (
                ("serverSideEncryptionConfiguration", "rule.applyServerSideEncryptionByDefault.sseAlgorithm"),
                ("serverSideEncryptionConfigurations", "rules.applyServerSideEncryptionByDefaults.sseAlgorithm"),
            )
            if not is_unset(resource.get(name))
        ]
    for path, algorithm in found:
        if algorithm is not UNKNOWN and not _one_of(algorithm, ALGORITHMS):
            yield Finding(path, algorithm, allowed)


def _versioning(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    if resource.type in VERSIONING:
        path = "versioningConfiguration.status"
        status = resource.get(path)
        if status is not UNKNOWN and status != "Enabled":
            yield Finding(path, status, "Enabled")
        return
    for name in ("versioning", "versionings"):
        if not is_unset(resource.get(name)):
            enabled = resource.get(f"{name}.enabled")
            if enabled is not UNKNOWN and not flag(enabled):
                yield Finding(f"{name}.enabled", enabled, "true")


class LifecycleOptions(Options):
    """Options of S3-LIFE, in days.

    `min_retention_days`: how long deleted and overwritten objects can be had back at least; also the
    least age at which a rule may expire objects. 7: a week to notice a mistake.
    `max_abort_days`: after how many days an unfinished upload is thrown away at most. 7, as in the
    example of Checkov's CKV_AWS_300.
    """

    min_retention_days: Days = limit("S3-LIFE", "minRetentionDays")
    max_abort_days: Days = 7


@dataclass(frozen=True)
class _Value:
    path: str
    value: Any


@dataclass(frozen=True)
class _LifecycleRule:
    """A rule, from a lifecycle configuration or from the bucket's own list.

    `enabled` and `everything` (whether it holds for every object) count as true where they are known
    only at `up`; `known` says whether `enabled` is.
    """

    enabled: bool
    known: bool
    everything: bool
    abort: _Value
    expiration: _Value
    date: _Value
    noncurrent: _Value


def _lifecycle(resource: Resource, scope: Scope[LifecycleOptions]) -> Iterator[Finding]:
    own = resource.type in BUCKETS
    name = "lifecycleRules" if own else "rules"
    value = resource.get(name)
    if value is UNKNOWN or (own and is_unset(value)):
        return
    least, most = scope.options.min_retention_days, scope.options.max_abort_days
    parse = _own_rule if own else _rule
    rules = [parse(f"{name}[{index}]", item) for index, item in items(value) if item is not UNKNOWN]
    for rule in rules:
        if rule.enabled and rule.known:
            yield from _too_early(rule, least)
    # A rule that is known only at `up` may be the one that is missing.
    if len(rules) < len(items(value)):
        return
    general = [rule for rule in rules if rule.enabled and rule.everything]
    if not any(_within(rule.abort.value, 1, most) for rule in general):
        yield Finding(
            name, _summary(value), f"an enabled rule for every object that aborts uploads within 1 to {most} days"
        )
    if not any(rule.noncurrent.value is UNKNOWN or not is_unset(rule.noncurrent.value) for rule in general):
        yield Finding(
            name,
            _summary(value),
            f"an enabled rule for every object that expires noncurrent versions after {least} days or more",
        )


def _too_early(rule: _LifecycleRule, least: int) -> Iterator[Finding]:
    for each in (rule.expiration, rule.noncurrent):
        if not is_unset(each.value) and not _within(each.value, least):
            yield Finding(each.path, each.value, f"{least} or more")
    if not is_unset(rule.date.value) and rule.date.value is not UNKNOWN:
        # From that day on, S3 expires every object on the day that it is written.
        yield Finding(rule.date.path, rule.date.value, f"`days` of {least} or more in its place")


def _rule(path: str, item: object) -> _LifecycleRule:
    status = lookup(item, "status")
    return _LifecycleRule(
        enabled=status is UNKNOWN or status == "Enabled",
        known=status is not UNKNOWN,
        everything=_is_empty(lookup(item, "prefix")) and _is_empty(lookup(item, "filter")),
        abort=_at(path, item, "abortIncompleteMultipartUpload.daysAfterInitiation"),
        expiration=_at(path, item, "expiration.days"),
        date=_at(path, item, "expiration.date"),
        noncurrent=_at(path, item, "noncurrentVersionExpiration.noncurrentDays"),
    )


def _own_rule(path: str, item: object) -> _LifecycleRule:
    enabled = lookup(item, "enabled")
    # The older of the two types of bucket has these as lists of one.
    expiration = "expirations" if "expirations" in entries(item) else "expiration"
    noncurrent = (
        "noncurrentVersionExpirations"
        if "noncurrentVersionExpirations" in entries(item)
        else "noncurrentVersionExpiration"
    )
    return _LifecycleRule(
        enabled=enabled is UNKNOWN or bool(flag(enabled)),
        known=enabled is not UNKNOWN,
        everything=_is_empty(lookup(item, "prefix")) and _is_empty(lookup(item, "tags")),
        abort=_at(path, item, "abortIncompleteMultipartUploadDays"),
        expiration=_at(path, item, f"{expiration}.days"),
        date=_at(path, item, f"{expiration}.date"),
        noncurrent=_at(path, item, f"{noncurrent}.days"),
    )


def _at(path: str, item: object, name: str) -> _Value:
    return _Value(f"{path}.{name}", lookup(item, name))


def _is_empty(value: object) -> bool:
    """Whether a filter filters nothing out, as far as can be known: all in it is empty, at any depth."""
    if isinstance(value, dict):
        # The engine adds `__defaults` to objects.
        return all(name.startswith("__") or _is_empty(item) for name, item in value.items())
    if isinstance(value, list):
        return all(_is_empty(item) for item in value)
    return value is UNKNOWN or is_unset(value)


def _within(value: object, least: float, most: float = float("inf")) -> bool:
    if value is UNKNOWN:
        return True
    days = number(value)
    return days is not None and least <= days <= most


def _summary(value: object) -> object:
    """The ids of a lifecycle's rules: the rules themselves are too long for a message."""
    return [entries(item).get("id") or f"rule {index}" for index, item in items(value)] or value


def _acl(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    if resource.type == OWNERSHIP_CONTROLS:
        path = "rule.objectOwnership"
        ownership = resource.get(path)
        if ownership is not UNKNOWN and ownership != "BucketOwnerEnforced":
            yield Finding(path, ownership, "BucketOwnerEnforced")
        return
    allowed = OBJECT_ACLS if resource.type in OBJECTS else BUCKET_ACLS
    acl = resource.get("acl")
    if acl is not UNKNOWN and not is_unset(acl) and not _one_of(acl, allowed):
        yield Finding("acl", acl, " or ".join((*sorted(allowed, reverse=True), "unset")))
    for name in ("accessControlPolicy", "grants", "targetGrants"):
        value = resource.get(name)
        if value is not UNKNOWN and not is_unset(value):
            yield Finding(name, value, "unset")


def _policy(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    path = ACCESS_POLICIES.get(resource.type, "policy")
    value = resource.get(path)
    # A bucket and an access point may have no policy in themselves.
    if resource.type != BUCKET_POLICY and is_unset(value):
        return
    document = read(path, value)
    yield from document.problems
    for statement in document.statements:
        if statement.grants:
            yield from broad_principals(statement)
            yield from broad_actions(statement)
    # An access point's requests are the bucket's too: its policy has the last word on how they come.
    if resource.type not in ACCESS_POLICIES and not document.problems and not _demands_tls(resource, document):
        yield Finding(
            path,
            value,
            "a statement that denies everybody s3:* on the bucket's ARN and on all below it (/*) where "
            "aws:SecureTransport is false, and on no further condition",
        )


def _demands_tls(resource: Resource, document: Document) -> bool:
    if document.partial or any(statement.may_deny for statement in document.statements):
        return True
    names: set[str] = set()
    for statement in document.statements:
        if _denies_plain_http(statement):
            for _, text, _ in texts("", statement.get("resource")):
                if text == "*":
                    return True
                if text and (match := S3_ARN.fullmatch(text)):
                    names.add(match[1])
    bucket = resource.get("bucket")
    if isinstance(bucket, str) and bucket:
        return _covers(names, bucket)
    # The bucket's name is known only at `up`: it is the one that the ARNs name.
    return any(_covers(names, name.removesuffix("/*").removesuffix("*")) for name in names)


def _covers(names: set[str], bucket: str) -> bool:
    return not names.isdisjoint({"*", bucket, f"{bucket}*"}) and not names.isdisjoint(
        {"*", "*/*", f"{bucket}*", f"{bucket}/*"}
    )


def _denies_plain_http(statement: Statement) -> bool:
    return (
        statement.get("effect") == "Deny"
        and _is_everybody(statement.get("principal"))
        and any(text and text.lower() in ("*", "s3:*") for _, text, _ in texts("", statement.get("action")))
        and _is_plain_http(statement.get("condition"))
    )


def _is_everybody(principal: object) -> bool:
    named = entries(principal).get("AWS") if isinstance(principal, dict) else principal
    return any(text == "*" for _, text, _ in texts("", named))


def _is_plain_http(condition: object) -> bool:
    # Conditions add up: any further one would make an exception.
    operators = _content(condition)
    if len(operators) != 1 or next(iter(operators)).lower() not in ("bool", "boolifexists"):
        return False
    keys = _content(next(iter(operators.values())))
    if len(keys) != 1 or next(iter(keys)).lower() != "aws:securetransport":
        return False
    wanted = next(iter(keys.values()))
    values = wanted if isinstance(wanted, list) else [wanted]
    return bool(values) and all(
        value is False or (isinstance(value, str) and value.lower() == "false") for value in values
    )


def _content(value: object) -> dict[str, Any]:
    return {name: item for name, item in entries(value).items() if not name.startswith("__")}


def _one_of(value: object, allowed: frozenset[str]) -> bool:
    return isinstance(value, str) and value in allowed


def _deletion(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    force = resource.get("forceDestroy")
    if flag(force):
        yield Finding("forceDestroy", force, "false or unset")
    if resource.type not in OBJECTS and not resource.protect:
        yield Finding("protect", resource.protect, "true")


class LockOptions(Options):
    """Options of S3-LOCK.

    `log_buckets`: names that the program gives to buckets of access logs: S3 delivers no log to a
    bucket with Object Lock. The default is that of this project's program.
    `min_retention_days`: how long an object is locked at least; as long as S3-LIFE keeps old versions.
    """

    log_buckets: tuple[str, ...] = ("logs",)
    min_retention_days: Days = limit("S3-LOCK", "minRetentionDays")


def _object_lock(resource: Resource, scope: Scope[LockOptions]) -> Iterator[Finding]:
    least = scope.options.min_retention_days
    if resource.type in OBJECT_LOCK:
        enabled = resource.get("objectLockEnabled")
        if enabled is not UNKNOWN and not is_unset(enabled) and enabled != "Enabled":
            yield Finding("objectLockEnabled", enabled, "Enabled or unset")
        yield from _retention(resource, "rule.defaultRetention", least)
        return
    if resource.type in WITHOUT_LOCK:
        if scope.level is Level.MANDATORY:
            yield Finding("", resource.type, f"a {BUCKETS[0]}, which can lock its objects")
        return
    if resource.name in scope.options.log_buckets:
        return
    enabled = resource.get("objectLockEnabled")
    # What is lost with a stack for tests is no harm, and a lock is paid for until its last day.
    if scope.level is Level.MANDATORY and enabled is not UNKNOWN and not flag(enabled):
        yield Finding("objectLockEnabled", enabled, "true")
    for name, path in (("rule", "rule.defaultRetention"), ("rules", "rules.defaultRetentions")):
        if not is_unset(resource.get(f"objectLockConfiguration.{name}")):
            yield from _retention(resource, f"objectLockConfiguration.{path}", least)


def _retention(resource: Resource, path: str, least: int) -> Iterator[Finding]:
    mode = resource.get(f"{path}.mode")
    if mode is not UNKNOWN and not _one_of(mode, RETENTION_MODES):
        yield Finding(f"{path}.mode", mode, "COMPLIANCE or GOVERNANCE")
    days, years = resource.get(f"{path}.days"), resource.get(f"{path}.years")
    if UNKNOWN not in (days, years) and (number(days) or 0) + DAYS_OF_A_YEAR * (number(years) or 0) < least:
        yield Finding(f"{path}.days", days, f"{least} or more, or `years`")


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


def _logging(resources: Sequence[Resource], scope: Scope[Options]) -> Iterator[Finding]:
    locked = {
        name
        for resource in resources
        if resource.type in BUCKETS
        and flag(resource.get("objectLockEnabled"))
        and isinstance(name := resource.get("bucket"), str)
    }
    logging = [resource for resource in resources if resource.type in LOGGING and _delivers(resource, locked)]
    targets: set[str] = set()
    for each in logging:
        target = each.get("targetBucket")
        if isinstance(target, str):
            targets.add(target)
        elif target is UNKNOWN:
            targets |= set(each.dependencies.get("targetBucket", ()))
    buckets = [resource for resource in resources if resource.type in BUCKETS]
    for bucket in unserved([*buckets, *logging], LOGGING):
        name = bucket.get("bucket")
        # Somewhere the logs of the logs have to end.
        if bucket.urn not in targets and not (isinstance(name, str) and name in targets):
            yield Finding(
                "bucket", name, "a BucketLogging that logs into another bucket, without Object Lock", bucket.urn
            )


def _delivers(logging: Resource, locked: Set[str]) -> bool:
    """Whether S3 writes the log: to another bucket, and to none of those with Object Lock."""
    target = logging.get("targetBucket")
    # A log that a bucket keeps of itself goes with it, and grows by being written.
    return target is UNKNOWN or not (
        is_unset(target) or target == logging.get("bucket") or (isinstance(target, str) and target in locked)
    )


RULES = (
    Rule(
        id="S3-PAB",
        title="Public access is blocked in all four ways",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS AWS 3.0, 2.1.4", "CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"),
        reads={
            PUBLIC_ACCESS_BLOCK: BLOCKS,
            ACCOUNT_PUBLIC_ACCESS_BLOCK: BLOCKS,
            ACCESS_POINT: ("publicAccessBlockConfiguration",),
            MULTI_REGION_ACCESS_POINT: ("details",),
        },
        why="Each of the four closes another way to make objects public by mistake; each that is left out stays open.",
        fix="Set `blockPublicAcls`, `blockPublicPolicy`, `ignorePublicAcls` and `restrictPublicBuckets` to true.",
        check=_public_access_block,
    ),
    Rule(
        id="S3-SSE",
        title="Objects are encrypted at rest",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CKV_AWS_19", "AVD-AWS-0088"),
        reads={
            **dict.fromkeys(ENCRYPTION, ("rules",)),
            **dict.fromkeys(BUCKETS, ("serverSideEncryptionConfiguration", "serverSideEncryptionConfigurations")),
        },
        why="Encryption at rest keeps who gets at the disks, or at a copy of them, from reading backups.",
        fix="Set `sseAlgorithm` to AES256, or to aws:kms with a key of your own.",
        check=_encryption,
    ),
    Rule(
        id="S3-VER",
        title="Versioning is on",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CKV_AWS_21", "AVD-AWS-0090"),
        reads={
            **dict.fromkeys(VERSIONING, ("versioningConfiguration",)),
            **dict.fromkeys(BUCKETS, ("versioning", "versionings")),
        },
        why="Without versions an object that was overwritten or deleted, by mistake or by an intruder, is gone.",
        fix="Set `versioningConfiguration.status` to Enabled.",
        check=_versioning,
    ),
    Rule(
        id="S3-LIFE",
        title="Unfinished uploads and old versions end, and nothing ends too early",
        level=Level.MANDATORY,
        severity=Severity.MEDIUM,
        sources=("CKV_AWS_300", "CKV2_AWS_61"),
        reads={**dict.fromkeys(LIFECYCLE, ("rules",)), **dict.fromkeys(BUCKETS, ("lifecycleRules",))},
        why="Parts of broken uploads and old versions are invisible, cost money and pile up for ever; a rule that "
        "expires them too early takes away what versioning is for.",
        fix="Add one enabled rule with an empty filter, `abortIncompleteMultipartUpload.daysAfterInitiation` and "
        "`noncurrentVersionExpiration.noncurrentDays`, and raise any shorter time.",
        check=_lifecycle,
        options=LifecycleOptions,
    ),
    Rule(
        id="S3-ACL",
        title="No access control lists",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CKV2_AWS_65", "CKV_AWS_20", "CKV_AWS_57", "AVD-AWS-0092"),
        reads={
            OWNERSHIP_CONTROLS: ("rule",),
            **dict.fromkeys(ACL, ("acl", "accessControlPolicy")),
            **dict.fromkeys(BUCKETS, ("acl", "grants")),
            **dict.fromkeys(LOGGING, ("targetGrants",)),
            **dict.fromkeys(OBJECTS, ("acl",)),
            OBJECT_COPY: ("acl", "grants"),
        },
        why="An ACL on one object among millions makes it public or another account's, and no policy shows it.",
        fix="Set `rule.objectOwnership` to BucketOwnerEnforced, which turns ACLs off, and remove every ACL and grant; "
        "grant access in the bucket's policy.",
        check=_acl,
    ),
    Rule(
        id="S3-POL",
        title="Bucket policies demand TLS and name whom they let in",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS AWS 3.0, 2.1.1", "CKV_AWS_70", "CKV_AWS_283", "CKV_AWS_379"),
        reads={
            BUCKET_POLICY: ("bucket", "policy"),
            **dict.fromkeys(BUCKETS, ("bucket", "policy")),
            **{type_: (path.partition(".")[0],) for type_, path in ACCESS_POLICIES.items()},
        },
        why="Without the denial, requests in plain HTTP show keys and data to everybody on the way; an allowed "
        "wildcard lets in the whole world, or lets somebody do everything.",
        fix='Deny Principal "*" Action "s3:*" on the bucket\'s ARN and ARN/* with Condition {"Bool": '
        '{"aws:SecureTransport": "false"}}, and allow only named principals named actions.',
        check=_policy,
    ),
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
    Rule(
        id="S3-LOCK",
        title="Objects are locked for a time",
        level=Level.ADVISORY,
        production_level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CKV_AWS_143", "AWS Config s3-bucket-default-lock-enabled"),
        reads={
            **dict.fromkeys(BUCKETS, ("objectLockEnabled", "objectLockConfiguration")),
            **dict.fromkeys(OBJECT_LOCK, ("objectLockEnabled", "rule")),
            **dict.fromkeys(WITHOUT_LOCK, ()),
        },
        why="Whoever holds the credentials that write backups can delete them too, versions included, unless S3 "
        "itself refuses.",
        fix="Set `objectLockEnabled` to true, and a default retention with a `mode` and `days` in a "
        "BucketObjectLockConfiguration. Name buckets of access logs in the option `logBuckets`.",
        check=_object_lock,
        options=LockOptions,
    ),
    Rule(
        id="S3-LOG",
        title="Access to buckets is logged",
        level=Level.ADVISORY,
        severity=Severity.LOW,
        sources=("CKV_AWS_18", "AVD-AWS-0089"),
        reads={
            **dict.fromkeys(BUCKETS, ("bucket", "objectLockEnabled")),
            **dict.fromkeys(LOGGING, ("bucket", "targetBucket")),
        },
        why="Without a log nobody can tell afterwards who read or deleted a backup.",
        fix="Add a BucketLogging for the bucket, with another bucket as `targetBucket` that has no Object Lock: S3 "
        "delivers no log to one that has.",
        check_stack=_logging,
    ),
)
