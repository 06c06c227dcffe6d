"""Users in AWS whose key is good for the objects of one bucket and for nothing else.

Hosts outside AWS need keys: pgBackRest and restic can't use IAM Roles Anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from policies.policy_document import Statement, read, texts
from policies.resource import Resource
from policies.values import UNKNOWN

USER: Final = "aws:iam/user:User"
ACCESS_KEY: Final = "aws:iam/accessKey:AccessKey"
USER_POLICY: Final = "aws:iam/userPolicy:UserPolicy"

#: Resources that give a user more than its own policies, and the properties that name it or several.
MEMBERSHIPS: Final = {
    "aws:iam/groupMembership:GroupMembership": "users",
    "aws:iam/policyAttachment:PolicyAttachment": "users",
    "aws:iam/userGroupMembership:UserGroupMembership": "user",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "user",
    "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive": "userName",
}

#: Lists, reads, writes and hides objects. What ends a version, a lock or the bucket's own settings is not among it.
OBJECT_ACTIONS: Final = re.compile(
    r"s3:(?:getobject|getobjectversion|putobject|deleteobject|listbucket|listbucketversions"
    r"|listbucketmultipartuploads|listmultipartuploadparts|abortmultipartupload|getbucketlocation)",
    re.ASCII | re.IGNORECASE,
)

#: Uses the key that a bucket is encrypted with.
KEY_ACTIONS: Final = re.compile(r"kms:(?:decrypt|encrypt|generatedatakey)", re.ASCII | re.IGNORECASE)

BUCKET_ARN: Final = re.compile(r"arn:[\w-]+:s3:::([\w.-]+)(?:/.*)?", re.ASCII | re.DOTALL)
KEY_ARN: Final = re.compile(r"arn:[\w-]+:kms:[\w-]+:\d+:key/[\w-]+", re.ASCII)


def is_for_one_bucket(holder: Resource, resources: Sequence[Resource]) -> bool:
    """Whether all that a user may do is to read and write objects of one bucket, as far as the stack says.

    `holder` is the user, or a key of one that is in the stack; another stack's user may have any rights.
    """
    user = holder if holder.type == USER else _owner(holder, resources)
    if user is None:
        return False
    if any(_names(each, path, user) for each in resources if (path := MEMBERSHIPS.get(each.type))):
        return False
    documents = [
        read("", each.get("policy")) for each in resources if each.type == USER_POLICY and _names(each, "user", user)
    ]
    if any(document.problems or document.partial for document in documents):
        return False
    statements = [each for document in documents for each in document.statements if each.grants]
    buckets: set[str] = set()
    return bool(statements) and all(_is_narrow(each, buckets) for each in statements) and len(buckets) == 1


def _owner(key: Resource, resources: Sequence[Resource]) -> Resource | None:
    users = [each for each in resources if each.type == USER and _names(key, "user", each)]
    return users[0] if len(users) == 1 else None


def _names(resource: Resource, path: str, user: Resource) -> bool:
    """Whether `path` of a resource is, or may be, or has in it, the name of `user`."""
    value, origins = resource.get(path), resource.dependencies.get(path, ())
    if user.urn in origins:
        return True
    values = value if isinstance(value, list) else [value]
    name = user.get("name")
    return any(each == name or (each is UNKNOWN and not origins) for each in values)


def _is_narrow(statement: Statement, buckets: set[str]) -> bool:
    """Whether a statement is about objects, or about keys of AWS KMS; adds the buckets that it names to `buckets`."""
    if statement.partial or {"notaction", "notresource"} & statement.elements.keys():
        return False
    actions = [text or "" for _, text, _ in texts("", statement.get("action"))]
    arns = [text or "" for _, text, _ in texts("", statement.get("resource"))]
    if actions and arns and all(map(KEY_ACTIONS.fullmatch, actions)):
        return all(map(KEY_ARN.fullmatch, arns))
    found = [BUCKET_ARN.fullmatch(arn) for arn in arns]
    buckets |= {match[1] for match in found if match}
    return bool(actions) and bool(found) and all(found) and all(map(OBJECT_ACTIONS.fullmatch, actions))
