"""Users in AWS whose key is good for the objects of one bucket and for nothing else.

Hosts outside AWS need keys: pgBackRest and restic can't use IAM Roles Anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from policies.aws.policy_document import Statement, principals, read, texts
from policies.resource import Resource
from policies.values import UNKNOWN, entries

USER: Final = "aws:iam/user:User"
ACCESS_KEY: Final = "aws:iam/accessKey:AccessKey"
USER_POLICY: Final = "aws:iam/userPolicy:UserPolicy"

#: All the policies that are attached to a user.
ATTACHED_ALONE: Final = "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive"

#: Resources that give a user more than its own policies, and the properties that name it or several.
MEMBERSHIPS: Final = {
    "aws:iam/groupMembership:GroupMembership": "users",
    "aws:iam/policyAttachment:PolicyAttachment": "users",
    "aws:iam/userGroupMembership:UserGroupMembership": "user",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "user",
    ATTACHED_ALONE: "userName",
}

#: Resources with a policy of their own, which may let a user in that has no policy for it, and where that policy is.
RESOURCE_POLICIES: Final = {
    "aws:iam/role:Role": "assumeRolePolicy",
    "aws:s3/accessPoint:AccessPoint": "policy",
    "aws:s3/bucket:Bucket": "policy",
    "aws:s3/bucketV2:BucketV2": "policy",
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:s3control/accessPointPolicy:AccessPointPolicy": "policy",
    "aws:kms/key:Key": "policy",
    "aws:kms/keyPolicy:KeyPolicy": "policy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "policy",
    "aws:secretsmanager/secret:Secret": "policy",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "policy",
    "aws:sns/topic:Topic": "policy",
    "aws:sns/topicPolicy:TopicPolicy": "policy",
    "aws:sqs/queue:Queue": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
}

#: The ARN of a user, with its path.
USER_ARN: Final = re.compile(r"arn:[\w-]+:iam::\d*:user/(?:.*/)?([^/]+)", re.ASCII | re.DOTALL)

#: Lists, reads, writes and hides objects. What ends a version, a lock or the bucket's own settings is not among it.
OBJECT_ACTIONS: Final = re.compile(
    r"s3:(?:get(?:object|objectversion)(?:attributes|tagging)?|getobject(?:retention|legalhold)|putobject|deleteobject"
    r"|listbucket|listbucketversions|listbucketmultipartuploads|listmultipartuploadparts|abortmultipartupload"
    r"|getbucket(?:location|versioning|objectlockconfiguration))",
    re.ASCII | re.IGNORECASE,
)

#: Uses the key that a bucket is encrypted with; through S3 alone, or it would decrypt all else that the key encrypts.
KEY_ACTIONS: Final = re.compile(r"kms:(?:decrypt|encrypt|generatedatakey)", re.ASCII | re.IGNORECASE)

VIA_S3: Final = re.compile(r"s3\.[\w*-]+\.amazonaws\.com(?:\.cn)?", re.ASCII | re.IGNORECASE)
VIA_OPERATORS: Final = frozenset({"stringequals", "stringequalsignorecase", "stringlike"})

BUCKET_ARN: Final = re.compile(r"arn:[\w-]+:s3:::([\w.-]+)(?:/.*)?", re.ASCII | re.DOTALL)
#: Keys of conditions that keep a key of AWS KMS to S3, and what they have to be.
S3_KEYS: Final = {"kms:viaservice": VIA_S3, "kms:encryptioncontext:aws:s3:arn": BUCKET_ARN}

KEY_ARN: Final = re.compile(r"arn:[\w-]+:kms:[\w-]+:\d+:key/[\w-]+", re.ASCII)


def is_for_one_bucket(holder: Resource, resources: Sequence[Resource]) -> bool:
    """Whether all that a user may do is to read and write objects of one bucket, as far as the stack says.

    `holder` is the user, or a key of one that is in the stack; another stack's user may have any rights.
    """
    user = holder if holder.type == USER else _owner(holder, resources)
    if user is None:
        return False
    if any(_gives_more(each, user) for each in resources):
        return False
    documents = [
        read("", each.get("policy")) for each in resources if each.type == USER_POLICY and _names(each, "user", user)
    ]
    if any(document.problems or document.partial for document in documents):
        return False
    # A statement whose effect isn't known yet may allow.
    statements = [each for document in documents for each in document.statements if each.get("effect") != "Deny"]
    buckets: set[str] = set()
    let_in = [each for resource in resources for each in _let_in(resource, user)]
    return bool(statements) and all(_is_narrow(each, buckets) for each in statements + let_in) and len(buckets) == 1


def _gives_more(resource: Resource, user: Resource) -> bool:
    """Whether a resource makes `user` a member of a group, or attaches a policy to it."""
    path = MEMBERSHIPS.get(resource.type)
    # A list of no policies takes those away that were attached by hand.
    takes_away = resource.type == ATTACHED_ALONE and resource.get("policyArns") == []
    return path is not None and not takes_away and _names(resource, path, user)


def _let_in(resource: Resource, user: Resource) -> list[Statement]:
    """The statements of a resource's own policy that let `user` in, as far as they are known."""
    path = RESOURCE_POLICIES.get(resource.type)
    name = user.get("name")
    if path is None or not isinstance(name, str):
        return []
    return [
        statement
        for statement in read(path, resource.get(path)).statements
        if statement.grants
        and any(
            (match := USER_ARN.fullmatch(text or "")) and match[1].lower() == name.lower()
            for _, text, _ in principals("", statement.get("principal"))
        )
    ]


def _owner(key: Resource, resources: Sequence[Resource]) -> Resource | None:
    users = [each for each in resources if each.type == USER and _names(key, "user", each)]
    return users[0] if len(users) == 1 else None


def _names(resource: Resource, path: str, user: Resource) -> bool:
    """Whether `path` of a resource is, or may be, or has in it, the name of `user`."""
    value, origins = resource.get(path), resource.dependencies.get(path, ())
    name = user.get("name")
    for each in value if isinstance(value, list) else [value]:
        if each is UNKNOWN:
            # It may be this user's, unless it comes from another one alone.
            if user.urn in origins or not any(f"{USER}::" in origin for origin in origins):
                return True
        elif each == name or (isinstance(each, str) and isinstance(name, str) and each.lower() == name.lower()):
            # Names of users that differ only in case are the same to AWS.
            return True
    return False


def _is_narrow(statement: Statement, buckets: set[str]) -> bool:
    """Whether a statement is about objects, or about keys of AWS KMS; adds the buckets that it names to `buckets`."""
    if statement.partial or {"notaction", "notresource"} & statement.elements.keys():
        return False
    actions = [text or "" for _, text, _ in texts("", statement.get("action"))]
    arns = [text or "" for _, text, _ in texts("", statement.get("resource"))]
    if actions and arns and all(map(KEY_ACTIONS.fullmatch, actions)):
        return all(map(KEY_ARN.fullmatch, arns)) and _is_through_s3(statement.get("condition"))
    found = [BUCKET_ARN.fullmatch(arn) for arn in arns]
    buckets |= {match[1] for match in found if match}
    return bool(actions) and bool(found) and all(found) and all(map(OBJECT_ACTIONS.fullmatch, actions))


def _is_through_s3(condition: object) -> bool:
    """Whether a condition lets a key of AWS KMS be used for objects in S3 alone."""
    for operator, keys in entries(condition).items():
        for key, services in entries(keys).items():
            wanted = S3_KEYS.get(key.lower()) if operator.lower() in VIA_OPERATORS else None
            named = services if isinstance(services, list) else [services]
            if wanted and named and all(isinstance(each, str) and wanted.fullmatch(each) for each in named):
                return True
    return False
