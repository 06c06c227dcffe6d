"""Identities and their policies, for the tests of the rules."""

from __future__ import annotations

from typing import Any

from policies.aws.iam import POLICY, ROLE
from policies.resource import Resource
from tests.policies.cases import Case, Kind
from tests.policies.compliant_aws import ACCOUNT, GRANT, TRUST, aws, changed, document

AT = "policy.Statement[0]"
TRUSTED = "assumeRolePolicy.Statement[0]"


def star(kind: Kind, what: str, resources: tuple[Resource, ...], *found: str, **options: Any) -> Case:
    return Case("IAM-STAR", kind, what, resources, found, options)


def policy(*statements: Any) -> tuple[Resource]:
    return (aws(POLICY, {"policy": document(*statements)}),)


def text(value: Any) -> tuple[Resource]:
    return (aws(POLICY, {"policy": value}),)


def grant(**changes: Any) -> tuple[Resource]:
    return policy(changed(GRANT, **changes))


def on(*resources: str) -> tuple[Resource]:
    return grant(Resource=list(resources))


#: Whom a role for a workflow on GitHub trusts.
GITHUB = "token.actions.githubusercontent.com"
WEB_IDENTITY = changed(
    TRUST,
    Action="sts:AssumeRoleWithWebIdentity",
    Principal={"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"},
)
SUBJECT = {
    "StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com", f"{GITHUB}:sub": "repo:example/app:ref:refs/heads/main"}
}
FEDERATED = "assumeRolePolicy.Statement[0].Principal.Federated"


def federated(condition: object, provider: str = f"oidc-provider/{GITHUB}") -> tuple[Resource, ...]:
    """A role for those whom an identity provider knows."""
    principal = {"Federated": f"arn:aws:iam::{ACCOUNT}:{provider}"}
    return (aws(ROLE, {"assumeRolePolicy": document(changed(WEB_IDENTITY, Principal=principal, Condition=condition))}),)


def trust(**changes: Any) -> tuple[Resource]:
    return (aws(ROLE, {"assumeRolePolicy": document(changed(TRUST, **changes))}),)


def managed(name: str, type_: str = "aws:iam/rolePolicyAttachment:RolePolicyAttachment") -> tuple[Resource]:
    return (aws(type_, {"policyArn": f"arn:aws:iam::aws:policy/{name}"}),)


ALL = changed(GRANT, Action="*", Resource="*")

NAMED = (
    "arn:aws:s3:::name",
    "arn:aws:s3:::name/*",
    "arn:aws:s3:::name/base/*.gz",
    "arn:*:s3:::name/*",
    f"arn:aws:sqs:eu-west-1:{ACCOUNT}:tasktracker-*",
    f"arn:aws:ssm:*:{ACCOUNT}:parameter/tasktracker/*",
    f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:tasktracker-??????",
    f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/tasktracker/*:*",
    f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    f"arn:aws:iam::{ACCOUNT}:role/tasktracker-*",
    f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/tasks/index/*",
    f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}",
    f"arn:aws:s3:eu-west-1:{ACCOUNT}:accesspoint/backups/object/*",
    f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:abc123/*/GET/tasks",
)

UNNAMED = (
    "*",
    "**",
    "?*",
    " * ",
    "arn:*",
    "arn:aws:*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::*/*",
    "arn:aws:s3:::tasktracker-*",
    "arn:aws:s3:::?asktracker-prod-backups/*",
    "arn:aws:*:::name",
    "arn:aws:s?:::name",
    "arn:aws:logs:*:*:*",
    "arn:aws:sns:eu-west-1:*:tasktracker",
    "arn:aws:iam::????????????:role/tasktracker",
    f"arn:aws:sqs:eu-west-1:{ACCOUNT}:*",
    f"arn:aws:iam::{ACCOUNT}:*",
    f"arn:aws:iam::{ACCOUNT}:role/*",
    f"arn:aws:iam::{ACCOUNT}:role/a*",
    f"arn:aws:iam::{ACCOUNT}:r*/admin",
    f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:*",
    f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/*",
    f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter//*",
    f"arn:aws:s3:eu-west-1:{ACCOUNT}:accesspoint/*",
    f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:*/prod/GET/tasks",
    "name",
    "",
    "arn:aws:s3:::",
)

BROAD_ACTIONS = (
    "*",
    "**",
    "*:*",
    "s3:*",
    "S3:*",
    "s3:**",
    "s3:?*",
    "s3:*Object",
    "s3:Put*",
    "s3:G*",
    "s3:Get?bject",
    "s3:Get*Object",
    "s3:Get**",
    "iam:Pass*",
    " s3:* ",
    "s*:GetObject",
    "s3:?etObject",
)
