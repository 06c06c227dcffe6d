"""What identities in AWS may do, and how they prove who they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from policies.aws.broad_grants import any_subject, broad_actions, broad_principals, broad_resources, judged
from policies.aws.bucket_keys import (
    ACCESS_KEY,
    ATTACHED_ALONE,
    MEMBERSHIPS,
    RESOURCE_POLICIES,
    USER,
    USER_POLICY,
    is_for_one_bucket,
)
from policies.aws.policy_document import read
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import entries, items

POLICY = "aws:iam/policy:Policy"
ROLE = "aws:iam/role:Role"

#: Resources whose `policy` says what somebody may do.
POLICIES: Final = (
    POLICY,
    "aws:iam/rolePolicy:RolePolicy",
    USER_POLICY,
    "aws:iam/groupPolicy:GroupPolicy",
)

#: Resources that give somebody a managed policy, and the property that names it.
ATTACHMENTS: Final = {
    "aws:iam/policyAttachment:PolicyAttachment": "policyArn",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "policyArn",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "policyArn",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": "policyArn",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": "policyArns",
    "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive": "policyArns",
    "aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive": "policyArns",
    ROLE: "managedPolicyArns",
}

#: Credentials of a user that last until somebody takes them back, and the property that says whose they are.
LASTING_CREDENTIALS: Final = {
    ACCESS_KEY: "user",
    USER: "name",
    "aws:iam/serviceSpecificCredential:ServiceSpecificCredential": "userName",
    "aws:iam/signingCertificate:SigningCertificate": "userName",
    "aws:iam/sshKey:SshKey": "username",
    "aws:iam/userLoginProfile:UserLoginProfile": "user",
}

#: A policy that AWS manages: it belongs to the account `aws`.
AWS_MANAGED: Final = re.compile(r"arn:[^:]*:iam::aws:policy/(?:.*/)?([^/]*)", re.IGNORECASE | re.DOTALL)


class StarOptions(Options):
    """Options of IAM-STAR.

    `managed_policies`: names of the policies managed by AWS that may be given. Nearly all of them
    hold for every resource of the account, so only those that a machine needs to be one are listed.
    """

    managed_policies: tuple[str, ...] = (
        "AWSLambdaBasicExecutionRole",
        "AmazonECSTaskExecutionRolePolicy",
        "AmazonSSMManagedInstanceCore",
        "CloudWatchAgentServerPolicy",
    )


def _star(resource: Resource, scope: Scope[StarOptions]) -> Iterator[Finding]:
    for path, value in identity_policies(resource):
        yield from judged(read(path, value), broad_actions, broad_resources)
    if resource.type == ROLE:
        path = "assumeRolePolicy"
        yield from judged(read(path, resource.get(path)), broad_actions, broad_principals, any_subject)
    if name := ATTACHMENTS.get(resource.type):
        yield from _managed(name, resource.get(name), scope.options)


def identity_policies(resource: Resource) -> Iterator[tuple[str, Any]]:
    """The path and value of each policy document of a resource that grants rights to an identity."""
    if resource.type in POLICIES:
        yield "policy", resource.get("policy")
    if resource.type == ROLE:
        for index, item in items(resource.get("inlinePolicies")):
            yield f"inlinePolicies[{index}].policy", entries(item).get("policy")


def _managed(path: str, value: object, options: StarOptions) -> Iterator[Finding]:
    listed = [(f"{path}[{index}]", item) for index, item in items(value)] or [(path, value)]
    for where, arn in listed:
        match = AWS_MANAGED.fullmatch(arn.strip()) if isinstance(arn, str) else None
        if match and match[1] not in options.managed_policies:
            yield Finding(where, arn, "a policy of your own, or one that AWS manages and `managedPolicies` lists")


def _key(resources: Sequence[Resource], scope: Scope[Options]) -> Iterator[Finding]:
    for resource in resources:
        path = LASTING_CREDENTIALS.get(resource.type)
        if path is None or (resource.type in (USER, ACCESS_KEY) and is_for_one_bucket(resource, resources)):
            continue
        allowed = "a role, whose credentials end by themselves, or a key for the objects of one bucket alone"
        yield Finding(path, resource.get(path), allowed, resource.urn)


RULES = (
    Rule(
        id="IAM-STAR",
        title="No wildcard actions, resources or principals in what an identity may do",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=(
            "CIS AWS 3.0, 1.16",
            "CKV_AWS_60",
            "CKV_AWS_61",
            "CKV_AWS_62",
            "CKV_AWS_63",
            "CKV_AWS_274",
            "CKV_AWS_275",
            "CKV_AWS_286",
            "CKV_AWS_287",
            "CKV_AWS_288",
            "CKV_AWS_289",
            "CKV_AWS_290",
            "CKV_AWS_355",
            "CKV_AWS_358",
            "AVD-AWS-0057",
        ),
        reads={
            **dict.fromkeys(POLICIES, ("policy",)),
            **{type_: (name,) for type_, name in ATTACHMENTS.items()},
            ROLE: ("assumeRolePolicy", "inlinePolicies", "managedPolicyArns"),
        },
        why="A wildcard grants what nobody thought of, now and whenever AWS adds an action: whoever gets hold of "
        "these credentials gets all of it.",
        fix="List the actions and the ARNs that are needed, such as `s3:PutObject` on `arn:aws:s3:::BUCKET/*`, and "
        "name who may take a role: of an OIDC provider's users, those with a `sub` such as `repo:ORG/REPO:*`.",
        check=_star,
        options=StarOptions,
    ),
    Rule(
        id="IAM-KEY",
        title="Roles rather than users with keys for more than one bucket",
        level=Level.ADVISORY,
        severity=Severity.MEDIUM,
        sources=("CIS AWS 3.0, 1.14", "CKV_AWS_40", "CKV_AWS_273"),
        reads={
            **{type_: (path,) for type_, path in RESOURCE_POLICIES.items()},
            **{type_: (path,) for type_, path in MEMBERSHIPS.items()},
            ATTACHED_ALONE: ("policyArns", "userName"),
            **{type_: (path,) for type_, path in LASTING_CREDENTIALS.items()},
            USER_POLICY: ("policy", "user"),
        },
        why="A user's key or password works from anywhere until somebody takes it back, and it lies in the state.",
        fix="Use a role: an instance profile, OIDC of the CI system, or IAM Roles Anywhere for hosts outside AWS. "
        "Where only a key will do, as for backups from such a host, give its user inline policies that list, read, "
        "write and delete objects of one bucket and no more, and rotate it at least every 90 days. A key of AWS KMS "
        "needs the condition `kms:ViaService` with S3's name, or `kms:EncryptionContext:aws:s3:arn` with the "
        "bucket's ARN.",
        check_stack=_key,
    ),
)
