"""What is in a bucket lasts as long as it should and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from policies.aws.s3.expectations import Days
from policies.aws.s3.setting import Setting
from policies.aws.s3.types import BUCKETS, LIFECYCLE
from policies.limits import limit
from policies.resource import Resource
from policies.rule import Finding, Options, Scope, Severity
from policies.values import UNKNOWN, entries, flag, is_unset, items, lookup, number


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


SETTING: Final = Setting(name="LIFE", types=LIFECYCLE, properties=("rules",), bucket_properties=("lifecycleRules",))

RULES = (
    SETTING.rule(
        _lifecycle,
        title="Unfinished uploads and old versions end, and nothing ends too early",
        severity=Severity.MEDIUM,
        sources=("CKV_AWS_300", "CKV2_AWS_61"),
        why="Parts of broken uploads and old versions are invisible, cost money and pile up for ever; a rule that "
        "expires them too early takes away what versioning is for.",
        fix="Add one enabled rule with an empty filter, `abortIncompleteMultipartUpload.daysAfterInitiation` and "
        "`noncurrentVersionExpiration.noncurrentDays`, and raise any shorter time.",
        options=LifecycleOptions,
    ),
)

COMPANION = SETTING.companion(
    title="Every bucket has a lifecycle",
    severity=Severity.MEDIUM,
    sources=("CKV2_AWS_61",),
    why="Without a lifecycle, old versions and the parts of broken uploads pile up for ever.",
)
