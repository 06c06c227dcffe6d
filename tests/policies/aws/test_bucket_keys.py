"""Users whose key is good for the objects of one bucket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.aws.bucket_keys import ACCESS_KEY, MEMBERSHIPS, USER, USER_POLICY
from policies.aws.iam import LASTING_CREDENTIALS, POLICY, ROLE
from policies.aws.s3.types import BUCKET_POLICY
from policies.resource import Resource
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run_all
from tests.policies.compliant import PROJECT, STACK
from tests.policies.compliant_aws import ACCOUNT, GRANT, aws, changed, document

NARROW: dict[str, Any] = {
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
    "Resource": "arn:aws:s3:::tasktracker-prod-backups/repository/*",
}
LISTING = changed(NARROW, Action="s3:ListBucket", Resource="arn:aws:s3:::tasktracker-prod-backups")
DECRYPTING = changed(
    NARROW,
    Action=["kms:Decrypt"],
    Resource=f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    Condition={"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}},
)
OBJECTS_ARN = "arn:aws:s3:::tasktracker-prod-backups/*"
WRITER_ARN = f"arn:aws:iam::{ACCOUNT}:user/writer"
EXCLUSIVE = "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive"
READS_ABOUT = ["s3:GetObjectTagging", "s3:GetObjectAttributes", "s3:GetObjectRetention"]
LOGIN = "aws:iam/userLoginProfile:UserLoginProfile"
USER_URN = f"urn:pulumi:{STACK}::{PROJECT}::{USER}::writer"
GROUP = "aws:iam/userGroupMembership:UserGroupMembership"


def writer(*statements: Any, user: str = "writer", **changes: Any) -> tuple[Resource, ...]:
    """A user with a key and an inline policy of these statements; `changes` are of the policy."""
    return (
        aws(USER, {"name": "writer"}, name="writer"),
        aws(ACCESS_KEY, {"user": user}, name="writer"),
        aws(USER_POLICY, {"user": "writer", "policy": document(*statements), **changes}, name="writer"),
    )


def from_user(value: str, *statements: Any) -> tuple[Resource, ...]:
    """A narrow user, and a key for the user `value`, which the program computes from the first one's name."""
    user, _, policy = writer(*statements)
    given = aws(ACCESS_KEY, {"user": value}, name="writer", dependencies={"user": [USER_URN]})
    return user, given, policy


def let_in(type_: str, path: str, **changes: Any) -> tuple[Resource, ...]:
    """A narrow user, whom another resource's own policy lets in."""
    statement = {"Effect": "Allow", "Principal": {"AWS": [WRITER_ARN]}, "Resource": NARROW["Resource"], **changes}
    return (*writer(NARROW), aws(type_, {path: document(statement)}, name="open"))


def keyed(kind: Kind, what: str, resources: tuple[Resource, ...], *found: str) -> Case:
    return Case("IAM-KEY", kind, what, resources, found)


BOTH = ("name", "user")

#: What is more than the repository, or nothing that can be read.
OTHER_RESOURCES: tuple[Any, ...] = (
    "*", "arn:aws:s3:::*", "arn:aws:s3:::tasktracker-*/x", f"arn:aws:sqs:eu-central-1:{ACCOUNT}:queue", "", [],
    None,
)  # fmt: skip

KEY = (
    keyed("passing", "a role", (aws(ROLE), aws(POLICY))),
    keyed("passing", "for one bucket", writer(NARROW, LISTING)),
    keyed("passing", "for one bucket, encrypted with a key", writer(NARROW, LISTING, DECRYPTING)),
    keyed("passing", "a refusal beside", writer(NARROW, changed(NARROW, Effect="Deny", Action="s3:*", Resource="*"))),
    keyed(
        "passing",
        "another user's policy",
        (*writer(NARROW), aws(USER_POLICY, {"user": "x", "policy": document(GRANT)})),
    ),
    *(keyed("failing", type_, (aws(type_, {path: "backups"}),), path) for type_, path in LASTING_CREDENTIALS.items()),
    keyed("failing", "two buckets", writer(NARROW, changed(NARROW, Resource="arn:aws:s3:::another/*")), *BOTH),
    keyed(
        "failing",
        "two buckets in one statement",
        writer(changed(NARROW, Resource=["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"])),
        *BOTH,
    ),
    keyed("bypass", "an inactive key", (aws(ACCESS_KEY, {"user": "a", "status": "Inactive"}),), "user"),
    keyed("bypass", "an encrypted key", (aws(ACCESS_KEY, {"user": "a", "pgpKey": "keybase:a"}),), "user"),
    keyed("bypass", "a user without a name", (aws(USER),), "name"),
    keyed("bypass", "a user with no policy", writer(NARROW)[:2], *BOTH),
    keyed("bypass", "a key of another stack's user", writer(NARROW, user="elsewhere"), "user"),
    keyed("bypass", "a password beside", (*writer(NARROW), aws(LOGIN, {"user": "writer"})), "user"),
    *(
        keyed("bypass", f"Action {action}", writer(changed(NARROW, Action=["s3:GetObject", action])), *BOTH)
        for action in (
            "s3:*",
            "s3:Get*",
            "s3:PutObjectRetention",
            "s3:PutObjectAcl",
            "s3:DeleteObjectVersion",
            "s3:PutBucketPolicy",
            "s3:BypassGovernanceRetention",
            "iam:CreateAccessKey",
            "sts:AssumeRole",
            "kms:Decrypt",
            "",
            1.0,
            {"a": "b"},
        )
    ),
    *(keyed("bypass", f"Resource {arn}", writer(changed(NARROW, Resource=arn)), *BOTH) for arn in OTHER_RESOURCES),
    keyed("bypass", "any key of KMS", writer(NARROW, changed(DECRYPTING, Resource="*")), *BOTH),
    keyed("bypass", "all but an action", writer(changed(NARROW, Action=None, NotAction="iam:*")), *BOTH),
    keyed("bypass", "all but a resource", writer(changed(NARROW, Resource=None, NotResource="a")), *BOTH),
    keyed("bypass", "an unreadable policy", writer(policy="{"), *BOTH),
    keyed(
        "bypass",
        "a second policy",
        (*writer(NARROW), aws(USER_POLICY, {"user": "writer", "policy": document(GRANT)})),
        *BOTH,
    ),
    keyed("bypass", "two users of one name", (aws(USER, {"name": "writer"}, name="twin"), *writer(NARROW)), "user"),
    *(
        keyed(
            "bypass", type_, (*writer(NARROW), aws(type_, {path: ["writer"] if path == "users" else "writer"})), *BOTH
        )
        for type_, path in MEMBERSHIPS.items()
    ),
    keyed("passing", "reads what belongs to objects", writer(changed(NARROW, Action=READS_ABOUT))),
    keyed(
        "passing",
        "a key of KMS for the bucket's objects",
        writer(
            NARROW, changed(DECRYPTING, Condition={"StringLike": {"kms:EncryptionContext:aws:s3:arn": OBJECTS_ARN}})
        ),
    ),
    keyed(
        "bypass", "a group with no policies", (*writer(NARROW), aws(GROUP, {"user": "writer", "policyArns": []})), *BOTH
    ),
    keyed("passing", "attached by nobody", (*writer(NARROW), aws(EXCLUSIVE, {"userName": "writer", "policyArns": []}))),
    keyed("passing", "the bucket's policy says it too", let_in(BUCKET_POLICY, "policy", Action="s3:GetObject")),
    keyed("passing", "another user is let in", let_in(ROLE, "assumeRolePolicy", Principal={"AWS": f"{WRITER_ARN}-2"})),
    keyed("bypass", "takes a role", let_in(ROLE, "assumeRolePolicy", Action="sts:AssumeRole"), *BOTH),
    keyed("bypass", "the bucket's policy", let_in(BUCKET_POLICY, "policy", Action="s3:DeleteObjectVersion"), *BOTH),
    keyed(
        "bypass",
        "another bucket's policy",
        let_in(BUCKET_POLICY, "policy", Action="s3:GetObject", Resource="arn:aws:s3:::another/*"),
        *BOTH,
    ),
    keyed("bypass", "a key's policy", let_in("aws:kms/keyPolicy:KeyPolicy", "policy", Action="kms:Decrypt"), *BOTH),
    keyed("bypass", "a key of KMS for anything", writer(NARROW, changed(DECRYPTING, Condition=None)), *BOTH),
    keyed(
        "bypass",
        "a key of KMS through another service",
        writer(NARROW, changed(DECRYPTING, Condition={"StringLike": {"kms:ViaService": ["s3.*.amazonaws.com", "*"]}})),
        *BOTH,
    ),
    keyed("bypass", "a key of an admin that comes from the user", from_user("admin", NARROW), "user"),
    keyed(
        "bypass",
        "a policy for the name in capitals",
        (*writer(NARROW), aws(USER_POLICY, {"user": "Writer", "policy": document(GRANT)})),
        *BOTH,
    ),
    keyed("bypass", "a group with the name in capitals", (*writer(NARROW), aws(GROUP, {"user": "WRITER"})), *BOTH),
    keyed(
        "unknown",
        "whether a statement denies",
        writer(policy={"Statement": [NARROW, {"Effect": UNKNOWN, "Action": "*", "Resource": "*"}]}),
        *BOTH,
    ),
    keyed(
        "unknown",
        "whose group, from a random name",
        (*writer(NARROW), aws(GROUP, {"user": UNKNOWN}, dependencies={"user": ["urn:pulumi:a::b::random:x:X::n"]})),
        *BOTH,
    ),
    keyed("unknown", "whose it is", (aws(ACCESS_KEY, {"user": UNKNOWN}),), "user"),
    keyed(
        "unknown",
        "all of them of one user",
        (
            aws(USER, name="writer"),
            aws(ACCESS_KEY, {"user": UNKNOWN}, dependencies={"user": [USER_URN]}),
            aws(USER_POLICY, {"user": UNKNOWN, "policy": document(NARROW)}, dependencies={"user": [USER_URN]}),
        ),
    ),
    keyed("unknown", "the policy", writer(policy=UNKNOWN), *BOTH),
    keyed("unknown", "whose group", (*writer(NARROW), aws(GROUP, {"user": UNKNOWN})), *BOTH),
)


CASES = KEY


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
