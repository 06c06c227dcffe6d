"""Access control lists are off."""

from __future__ import annotations

from collections.abc import Sequence

from policies.aws.s3.types import ACL, BUCKETS, LOGGING, OBJECT_COPY, OBJECTS, OWNERSHIP_CONTROLS
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.compliant import UNSET
from tests.policies.compliant_aws import aws, bucket

OBJECT = OBJECTS[1]

ACL_CASES = (
    Case("S3-ACL", "passing", "ownership", (aws(OWNERSHIP_CONTROLS),)),
    Case("S3-ACL", "passing", "no acl", (bucket(), aws(LOGGING[0]), aws(OBJECT), aws(ACL[0]))),
    Case("S3-ACL", "passing", "private", (bucket({"acl": "private"}), aws(ACL[0], {"acl": "private"}))),
    Case("S3-ACL", "passing", "an object for the owner", (aws(OBJECT, {"acl": "bucket-owner-full-control"}),)),
    Case("S3-ACL", "passing", "empty lists", (bucket({"grants": []}),)),
    *(
        Case(
            "S3-ACL",
            "failing",
            ownership,
            (aws(OWNERSHIP_CONTROLS, {"rule.objectOwnership": ownership}),),
            ("rule.objectOwnership",),
        )
        for ownership in ("ObjectWriter", "BucketOwnerPreferred")
    ),
    *(
        Case("S3-ACL", "failing", f"{type_} {acl}", (aws(type_, {"acl": acl}),), ("acl",))
        for type_ in (*ACL, *BUCKETS, *OBJECTS)
        for acl in ("public-read", "public-read-write", "authenticated-read", "aws-exec-read")
    ),
    Case("S3-ACL", "bypass", "no rule", (aws(OWNERSHIP_CONTROLS, {"rule": UNSET}),), ("rule.objectOwnership",)),
    Case(
        "S3-ACL",
        "bypass",
        "another case",
        (aws(OWNERSHIP_CONTROLS, {"rule.objectOwnership": "bucketownerenforced"}),),
        ("rule.objectOwnership",),
    ),
    Case(
        "S3-ACL",
        "bypass",
        "two rules",
        (
            aws(
                OWNERSHIP_CONTROLS,
                {"rule": [{"objectOwnership": "BucketOwnerEnforced"}, {"objectOwnership": "ObjectWriter"}]},
            ),
        ),
        ("rule.objectOwnership",),
    ),
    Case("S3-ACL", "bypass", "public with spaces", (aws(ACL[0], {"acl": " public-read "}),), ("acl",)),
    Case("S3-ACL", "bypass", "public in capitals", (bucket({"acl": "Public-Read"}),), ("acl",)),
    Case("S3-ACL", "bypass", "a list", (bucket({"acl": ["public-read"]}),), ("acl",)),
    Case(
        "S3-ACL", "bypass", "an object's owner on a bucket", (bucket({"acl": "bucket-owner-full-control"}),), ("acl",)
    ),
    Case(
        "S3-ACL",
        "bypass",
        "a grant in place of an acl",
        (
            aws(
                ACL[0],
                {
                    "accessControlPolicy": {
                        "grants": [
                            {
                                "grantee": {"type": "Group", "uri": "http://acs.amazonaws.com/groups/global/AllUsers"},
                                "permission": "READ",
                            }
                        ]
                    }
                },
            ),
        ),
        ("accessControlPolicy",),
    ),
    Case(
        "S3-ACL",
        "bypass",
        "a grant on the bucket",
        (bucket({"grants": [{"type": "CanonicalUser", "id": "1", "permissions": ["READ"]}]}),),
        ("grants",),
    ),
    Case("S3-ACL", "bypass", "a grant on a copy", (aws(OBJECT_COPY, {"grants": [{"type": "Group"}]}),), ("grants",)),
    Case(
        "S3-ACL",
        "bypass",
        "a grant on logs",
        (aws(LOGGING[1], {"targetGrants": [{"permission": "READ"}]}),),
        ("targetGrants",),
    ),
    Case("S3-ACL", "unknown", "ownership", (aws(OWNERSHIP_CONTROLS, {"rule": UNKNOWN}),)),
    Case("S3-ACL", "unknown", "the acl", (bucket({"acl": UNKNOWN, "grants": UNKNOWN}),)),
    Case("S3-ACL", "unknown", "with a grant", (bucket({"acl": UNKNOWN, "grants": [UNKNOWN]}),), ("grants",)),
)


CASES = ACL_CASES


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
