"""Buckets in S3: who can read them, and that what is in them lasts as long as it should and no longer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from policies.aws.s3.public_access import BLOCKS
from policies.aws.s3.types import (
    ACCESS_POINT,
    ACCESS_POLICIES,
    ACCOUNT_PUBLIC_ACCESS_BLOCK,
    ACL,
    BUCKET_POLICY,
    BUCKETS,
    DIRECTORY_BUCKET,
    ENCRYPTION,
    LIFECYCLE,
    LOGGING,
    MULTI_REGION_ACCESS_POINT,
    OBJECT_COPY,
    OBJECT_LOCK,
    OBJECTS,
    OWNERSHIP_CONTROLS,
    PUBLIC_ACCESS_BLOCK,
    VERSIONING,
    WITHOUT_LOCK,
)
from policies.evaluate import findings
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Level, Scope
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import UNSET
from tests.policies.compliant_aws import (
    ACCOUNT,
    BUCKET_ARN,
    BUCKET_NAME,
    BUCKET_URN,
    LET_IN,
    TLS_ONLY,
    aws,
    bucket,
    changed,
    document,
    whole_bucket,
)

ALL_ON = dict.fromkeys(BLOCKS, True)


def block(**changes: Any) -> Resource:
    return aws(PUBLIC_ACCESS_BLOCK, changes)


PAB = (
    Case("S3-PAB", "passing", "all four on", (block(),)),
    Case("S3-PAB", "passing", "as texts", (block(**dict.fromkeys(BLOCKS, "true")),)),
    Case("S3-PAB", "passing", "the account's", (aws(ACCOUNT_PUBLIC_ACCESS_BLOCK, ALL_ON),)),
    Case("S3-PAB", "passing", "an access point that leaves them on", (aws(ACCESS_POINT),)),
    Case(
        "S3-PAB",
        "passing",
        "an access point that sets one",
        (aws(ACCESS_POINT, {"publicAccessBlockConfiguration": {"blockPublicAcls": True}}),),
    ),
    *(Case("S3-PAB", "failing", f"{name} off", (block(**{name: False}),), (name,)) for name in BLOCKS),
    *(Case("S3-PAB", "bypass", f"{name} left out", (block(**{name: UNSET}),), (name,)) for name in BLOCKS),
    Case("S3-PAB", "bypass", "nothing but a bucket", (block(**dict.fromkeys(BLOCKS, UNSET)),), BLOCKS),
    Case("S3-PAB", "bypass", "false as text", (block(blockPublicAcls="F"),), ("blockPublicAcls",)),
    Case("S3-PAB", "bypass", "a zero", (block(blockPublicAcls=0.0),), ("blockPublicAcls",)),
    Case("S3-PAB", "bypass", "null", (block(ignorePublicAcls=None),), ("ignorePublicAcls",)),
    Case("S3-PAB", "bypass", "nonsense", (block(ignorePublicAcls="yes"),), ("ignorePublicAcls",)),
    Case("S3-PAB", "bypass", "a list", (block(blockPublicPolicy=[True]),), ("blockPublicPolicy",)),
    Case(
        "S3-PAB",
        "bypass",
        "the account's with one off",
        (aws(ACCOUNT_PUBLIC_ACCESS_BLOCK, {**ALL_ON, "restrictPublicBuckets": False}),),
        ("restrictPublicBuckets",),
    ),
    Case(
        "S3-PAB",
        "bypass",
        "around it through an access point",
        (aws(ACCESS_POINT, {"publicAccessBlockConfiguration": {"blockPublicPolicy": "false"}}),),
        ("publicAccessBlockConfiguration.blockPublicPolicy",),
    ),
    Case(
        "S3-PAB",
        "bypass",
        "around it through an access point of many regions",
        (aws(MULTI_REGION_ACCESS_POINT, {"details": [{"publicAccessBlock": {"ignorePublicAcls": False}}]}),),
        ("details.publicAccessBlock.ignorePublicAcls",),
    ),
    Case("S3-PAB", "unknown", "unknown", (block(blockPublicAcls=UNKNOWN),)),
    Case(
        "S3-PAB",
        "unknown",
        "one known to be off",
        (block(blockPublicAcls=UNKNOWN, blockPublicPolicy=False),),
        ("blockPublicPolicy",),
    ),
    Case("S3-PAB", "unknown", "an access point", (aws(ACCESS_POINT, {"publicAccessBlockConfiguration": UNKNOWN}),)),
)

SSE_PATH = "applyServerSideEncryptionByDefault.sseAlgorithm"


def encrypted(*algorithms: Any) -> tuple[Resource]:
    rules = [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": each}} for each in algorithms]
    return (aws(ENCRYPTION[0], {"rules": rules}),)


SSE = (
    Case("S3-SSE", "passing", "AES256", (aws(ENCRYPTION[0]),)),
    Case("S3-SSE", "passing", "KMS", encrypted("aws:kms")),
    Case("S3-SSE", "passing", "KMS twice", encrypted("aws:kms:dsse")),
    Case("S3-SSE", "passing", "a bucket that leaves it to its own resource", (bucket(),)),
    Case(
        "S3-SSE",
        "passing",
        "the older type",
        (aws(ENCRYPTION[1], {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]}),),
    ),
    Case(
        "S3-SSE",
        "passing",
        "the bucket's own property",
        (
            bucket(
                {
                    "serverSideEncryptionConfiguration": {
                        "rule": {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}
                    }
                }
            ),
        ),
    ),
    Case("S3-SSE", "failing", "no algorithm", encrypted("none"), (f"rules[0].{SSE_PATH}",)),
    Case("S3-SSE", "failing", "no rules", (aws(ENCRYPTION[0], {"rules": UNSET}),), ("rules",)),
    Case("S3-SSE", "bypass", "an empty list", (aws(ENCRYPTION[0], {"rules": []}),), ("rules",)),
    Case("S3-SSE", "bypass", "an empty rule", (aws(ENCRYPTION[0], {"rules": [{}]}),), (f"rules[0].{SSE_PATH}",)),
    Case(
        "S3-SSE",
        "bypass",
        "only a bucket key",
        (aws(ENCRYPTION[0], {"rules": [{"bucketKeyEnabled": True}]}),),
        (f"rules[0].{SSE_PATH}",),
    ),
    Case("S3-SSE", "bypass", "an empty text", encrypted(""), (f"rules[0].{SSE_PATH}",)),
    Case("S3-SSE", "bypass", "near the name", encrypted("AES256 "), (f"rules[0].{SSE_PATH}",)),
    Case("S3-SSE", "bypass", "a list of names", encrypted(["AES256"]), (f"rules[0].{SSE_PATH}",)),
    Case("S3-SSE", "bypass", "behind a good one", encrypted("AES256", "x"), (f"rules[1].{SSE_PATH}",)),
    Case(
        "S3-SSE",
        "bypass",
        "the older type",
        (aws(ENCRYPTION[1], {"rules": []}),),
        ("rules",),
    ),
    Case(
        "S3-SSE",
        "bypass",
        "the older bucket's own property",
        (
            aws(
                BUCKETS[1],
                {
                    "serverSideEncryptionConfigurations": [
                        {"rules": [{"applyServerSideEncryptionByDefaults": [{"sseAlgorithm": "x"}]}]}
                    ]
                },
            ),
        ),
        ("serverSideEncryptionConfigurations.rules.applyServerSideEncryptionByDefaults.sseAlgorithm",),
    ),
    Case("S3-SSE", "unknown", "the algorithm", encrypted(UNKNOWN)),
    Case("S3-SSE", "unknown", "the rules", (aws(ENCRYPTION[0], {"rules": UNKNOWN}),)),
    Case("S3-SSE", "unknown", "a rule", (aws(ENCRYPTION[0], {"rules": [UNKNOWN]}),)),
    Case("S3-SSE", "unknown", "one of two", encrypted(UNKNOWN, "x"), (f"rules[1].{SSE_PATH}",)),
)

STATUS = "versioningConfiguration.status"

VER = (
    Case("S3-VER", "passing", "enabled", (aws(VERSIONING[0]),)),
    Case("S3-VER", "passing", "with MFA", (aws(VERSIONING[0], {"versioningConfiguration.mfaDelete": "Enabled"}),)),
    Case(
        "S3-VER",
        "passing",
        "as a list of one",
        (aws(VERSIONING[0], {"versioningConfiguration": [{"status": "Enabled"}]}),),
    ),
    Case("S3-VER", "passing", "the bucket's own", (bucket({"versioning": {"enabled": True}}),)),
    Case("S3-VER", "passing", "the older bucket's own", (aws(BUCKETS[1], {"versionings": [{"enabled": "true"}]}),)),
    *(
        Case("S3-VER", "failing", status, (aws(VERSIONING[0], {STATUS: status}),), (STATUS,))
        for status in ("Suspended", "Disabled")
    ),
    Case("S3-VER", "bypass", "no configuration", (aws(VERSIONING[0], {"versioningConfiguration": UNSET}),), (STATUS,)),
    Case("S3-VER", "bypass", "an empty one", (aws(VERSIONING[0], {"versioningConfiguration": {}}),), (STATUS,)),
    Case(
        "S3-VER",
        "bypass",
        "MFA alone",
        (aws(VERSIONING[0], {"versioningConfiguration": {"mfaDelete": "Enabled"}}),),
        (STATUS,),
    ),
    Case("S3-VER", "bypass", "a truth value", (aws(VERSIONING[0], {STATUS: True}),), (STATUS,)),
    Case("S3-VER", "bypass", "another case", (aws(VERSIONING[0], {STATUS: "enabled"}),), (STATUS,)),
    Case("S3-VER", "bypass", "the older type", (aws(VERSIONING[1], {STATUS: "Suspended"}),), (STATUS,)),
    Case(
        "S3-VER",
        "bypass",
        "the bucket's own",
        (bucket({"versioning": {"enabled": "false"}}),),
        ("versioning.enabled",),
    ),
    Case(
        "S3-VER",
        "bypass",
        "the bucket's own with nothing said",
        (bucket({"versioning": {"mfaDelete": True}}),),
        ("versioning.enabled",),
    ),
    Case(
        "S3-VER",
        "bypass",
        "the older bucket's own",
        (aws(BUCKETS[1], {"versionings": [{"enabled": False}]}),),
        ("versionings.enabled",),
    ),
    Case("S3-VER", "unknown", "the status", (aws(VERSIONING[0], {STATUS: UNKNOWN}),)),
    Case("S3-VER", "unknown", "all of it", (aws(VERSIONING[0], {"versioningConfiguration": UNKNOWN}),)),
    Case("S3-VER", "unknown", "the bucket's own", (bucket({"versioning": UNKNOWN}),)),
)

RULE: dict[str, Any] = {
    "id": "all",
    "status": "Enabled",
    "filter": {},
    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7.0},
    "noncurrentVersionExpiration": {"noncurrentDays": 35.0},
}


def lifecycle(*rules: Any, type_: str = LIFECYCLE[0]) -> tuple[Resource]:
    return (aws(type_, {"rules": list(rules)}),)


def with_(**changes: Any) -> dict[str, Any]:
    return changed(RULE, **changes)


def life(kind: Kind, what: str, resources: tuple[Resource], *found: str, **options: Any) -> Case:
    return Case("S3-LIFE", kind, what, resources, found, options)


TWO = ("rules", "rules")
ABORT_ONLY = with_(noncurrentVersionExpiration=None)
OLD_ONLY = with_(abortIncompleteMultipartUpload=None)

LIFE = (
    life("passing", "one rule", (aws(LIFECYCLE[0]),)),
    life("passing", "two rules", lifecycle(ABORT_ONLY, OLD_ONLY)),
    life("passing", "the older type", lifecycle(RULE, type_=LIFECYCLE[1])),
    life("passing", "an empty prefix", lifecycle(with_(filter={"prefix": ""}))),
    life("passing", "the older empty prefix", lifecycle(with_(filter=None, prefix=""))),
    life("passing", "no filter at all", lifecycle(with_(filter=None))),
    life("passing", "an empty conjunction", lifecycle(with_(filter={"and": {"prefix": "", "tags": {}}}))),
    life("passing", "numbers as texts", lifecycle(with_(noncurrentVersionExpiration={"noncurrentDays": "7"}))),
    life("passing", "objects expire late", lifecycle(with_(expiration={"days": 400.0}))),
    life("passing", "delete markers expire", lifecycle(with_(expiration={"expiredObjectDeleteMarker": True}))),
    life("passing", "a short rule that is off", lifecycle(RULE, with_(status="Disabled", expiration={"days": 1}))),
    life("passing", "a bucket that leaves it to its own resource", (bucket(),)),
    life(
        "passing",
        "a shorter time that was agreed on",
        lifecycle(with_(noncurrentVersionExpiration={"noncurrentDays": 3})),
        minRetentionDays=3,
    ),
    life("failing", "no abort", lifecycle(OLD_ONLY), "rules"),
    life("failing", "old versions stay", lifecycle(ABORT_ONLY), "rules"),
    life(
        "failing",
        "old versions go at once",
        lifecycle(with_(noncurrentVersionExpiration={"noncurrentDays": 1})),
        "rules[0].noncurrentVersionExpiration.noncurrentDays",
    ),
    life("failing", "objects go at once", lifecycle(with_(expiration={"days": 1})), "rules[0].expiration.days"),
    life("failing", "no rules", (aws(LIFECYCLE[0], {"rules": UNSET}),), *TWO),
    life("bypass", "an empty list", lifecycle(), *TWO),
    life("bypass", "an empty rule", lifecycle({}), *TWO),
    life("bypass", "switched off", lifecycle(with_(status="Disabled")), *TWO),
    life("bypass", "no status", lifecycle(with_(status=None)), *TWO),
    life("bypass", "another case", lifecycle(with_(status="enabled")), *TWO),
    life("bypass", "under a prefix", lifecycle(with_(filter={"prefix": "tmp/"})), *TWO),
    life("bypass", "under the older prefix", lifecycle(with_(filter=None, prefix="tmp/")), *TWO),
    life("bypass", "for a tag", lifecycle(with_(filter={"tag": {"key": "a", "value": ""}})), *TWO),
    life("bypass", "under a prefix in a conjunction", lifecycle(with_(filter={"and": {"prefix": "a"}})), *TWO),
    life("bypass", "for tags in a conjunction", lifecycle(with_(filter={"and": {"tags": {"a": "b"}}})), *TWO),
    life("bypass", "for large objects", lifecycle(with_(filter={"objectSizeGreaterThan": 1.0})), *TWO),
    life("bypass", "for objects that are not empty", lifecycle(with_(filter={"objectSizeGreaterThan": 0.0})), *TWO),
    life("bypass", "a filter as a list", lifecycle(with_(filter=[{"prefix": "tmp/"}])), *TWO),
    life(
        "bypass",
        "aborts after years",
        lifecycle(with_(abortIncompleteMultipartUpload={"daysAfterInitiation": 3650})),
        "rules",
    ),
    life(
        "bypass",
        "aborts after nothing",
        lifecycle(with_(abortIncompleteMultipartUpload={"daysAfterInitiation": 0})),
        "rules",
    ),
    life("bypass", "an empty abort", lifecycle(with_(abortIncompleteMultipartUpload={})), "rules"),
    life(
        "bypass",
        "only a number of versions",
        lifecycle(with_(noncurrentVersionExpiration={"newerNoncurrentVersions": 3})),
        "rules",
    ),
    life(
        "bypass",
        "only objects expire, their versions stay",
        lifecycle(changed(ABORT_ONLY, expiration={"days": 30})),
        "rules",
    ),
    life(
        "bypass",
        "a day as text",
        lifecycle(with_(expiration={"days": "1"})),
        "rules[0].expiration.days",
    ),
    life("bypass", "no number", lifecycle(with_(expiration={"days": "soon"})), "rules[0].expiration.days"),
    life("bypass", "a negative number", lifecycle(with_(expiration={"days": -30})), "rules[0].expiration.days"),
    life(
        "bypass",
        "expires all from a date on",
        lifecycle(with_(expiration={"date": "2020-01-01T00:00:00Z"})),
        "rules[0].expiration.date",
    ),
    life(
        "bypass",
        "a second rule that undoes the first",
        lifecycle(RULE, {"id": "b", "status": "Enabled", "filter": {"prefix": "base/"}, "expiration": {"days": 2}}),
        "rules[1].expiration.days",
    ),
    life(
        "bypass",
        "the bucket's own list",
        (bucket({"lifecycleRules": [{"enabled": True, "expiration": {"days": 1}}]}),),
        "lifecycleRules",
        "lifecycleRules",
        "lifecycleRules[0].expiration.days",
    ),
    life(
        "bypass",
        "the older bucket's own list",
        (
            aws(
                BUCKETS[1],
                {
                    "lifecycleRules": [
                        {
                            "enabled": True,
                            "abortIncompleteMultipartUploadDays": 7,
                            "noncurrentVersionExpirations": [{"days": 1}],
                        }
                    ]
                },
            ),
        ),
        "lifecycleRules[0].noncurrentVersionExpirations.days",
    ),
    life("unknown", "the rules", (aws(LIFECYCLE[0], {"rules": UNKNOWN}),)),
    life("unknown", "a rule", lifecycle(UNKNOWN)),
    life("unknown", "the status", lifecycle(with_(status=UNKNOWN))),
    life("unknown", "the filter", lifecycle(with_(filter=UNKNOWN))),
    life("unknown", "the prefix", lifecycle(with_(filter={"prefix": UNKNOWN}))),
    life("unknown", "the days", lifecycle(with_(noncurrentVersionExpiration={"noncurrentDays": UNKNOWN}))),
    life("unknown", "the abort", lifecycle(with_(abortIncompleteMultipartUpload=UNKNOWN))),
    life("unknown", "one rule of two", lifecycle(UNKNOWN, with_(expiration={"days": 1})), "rules[1].expiration.days"),
)

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


def policy(*statements: Any, **changes: Any) -> tuple[Resource]:
    return (aws(BUCKET_POLICY, {"policy": document(*statements), **changes}),)


def as_object(*statements: Any) -> tuple[Resource]:
    return (aws(BUCKET_POLICY, {"policy": {"Version": "2012-10-17", "Statement": list(statements)}}),)


def tls(**changes: Any) -> tuple[Resource]:
    return policy(changed(TLS_ONLY, **changes))


def let_in(**changes: Any) -> tuple[Resource]:
    return policy(TLS_ONLY, changed(LET_IN, **changes))


def condition(**operators: Any) -> tuple[Resource]:
    return tls(Condition=operators)


def pol(kind: Kind, what: str, resources: tuple[Resource, ...], *found: str) -> Case:
    return Case("S3-POL", kind, what, resources, found)


SECURE = "aws:SecureTransport"
OTHER = "arn:aws:s3:::another"
AT = "policy.Statement[1]"
ONE_ALLOWED = document(changed(LET_IN, Principal="*"))

POL = (
    pol("passing", "denies plain HTTP, lets one role in", (aws(BUCKET_POLICY),)),
    pol("passing", "denies plain HTTP", tls()),
    pol("passing", "as an object", as_object(TLS_ONLY, LET_IN)),
    pol("passing", "a single statement", (aws(BUCKET_POLICY, {"policy": json.dumps({"Statement": TLS_ONLY})}),)),
    pol("passing", "everybody in AWS", tls(Principal={"AWS": "*"})),
    pol("passing", "everybody in a list", tls(Principal={"AWS": ["*"]})),
    pol("passing", "everybody in a list with one", tls(Principal={"AWS": [ACCOUNT, "*"]})),
    pol("passing", "every action", tls(Action=["*"])),
    pol("passing", "every action in capitals", tls(Action="S3:*")),
    pol(
        "passing",
        "with what the engine and an SDK add",
        as_object(
            {**TLS_ONLY, "__defaults": [], "NotAction": None},
            changed(LET_IN, Principal={"__defaults": [], "AWS": ACCOUNT, "Federated": None, "Service": []}),
        ),
    ),
    pol("bypass", "everybody behind a space denied", tls(Principal=" *"), "policy"),
    pol("bypass", "every action behind a space denied", tls(Action=" s3:*"), "policy"),
    pol("passing", "every resource", tls(Resource="*")),
    pol("passing", "one pattern for both", tls(Resource=f"{BUCKET_ARN}*")),
    pol(
        "passing",
        "another partition",
        tls(Resource=[each.replace(":aws:", ":aws-cn:") for each in TLS_ONLY["Resource"]]),
    ),
    pol(
        "passing",
        "in two statements",
        policy(changed(TLS_ONLY, Resource=BUCKET_ARN), changed(TLS_ONLY, Resource=f"{BUCKET_ARN}/*")),
    ),
    pol("passing", "a truth value", condition(Bool={SECURE: False})),
    pol("passing", "a list of one", condition(Bool={SECURE: ["false"]})),
    pol("passing", "keys in another case", condition(bool={"AWS:securetransport": "False"})),
    pol("passing", "where the key is there", condition(BoolIfExists={SECURE: "false"})),
    pol(
        "passing",
        "more denials",
        policy(TLS_ONLY, changed(TLS_ONLY, Condition={"NumericLessThan": {"s3:TlsVersion": "1.2"}})),
    ),
    pol(
        "passing", "a service by name", let_in(Principal={"Service": "logging.s3.amazonaws.com"}, Action="s3:PutObject")
    ),
    pol("passing", "reading actions", let_in(Action="s3:List*")),
    pol("passing", "buckets with no policy in themselves", (bucket(), aws(ACCESS_POINT))),
    pol("passing", "an access point's", (aws(ACCESS_POINT, {"policy": document(LET_IN)}),)),
    pol("failing", "no policy", (aws(BUCKET_POLICY, {"policy": UNSET}),), "policy"),
    pol("failing", "no denial", policy(LET_IN), "policy"),
    pol("failing", "everybody let in", let_in(Principal="*"), f"{AT}.Principal"),
    pol("failing", "every action", let_in(Action="*"), f"{AT}.Action"),
    pol("failing", "every action of S3", let_in(Action="s3:*"), f"{AT}.Action"),
    pol("bypass", "the denial of another bucket", tls(Resource=[OTHER, f"{OTHER}/*"]), "policy"),
    pol("bypass", "the denial of a longer name", tls(Resource=[f"{BUCKET_ARN}-2", f"{BUCKET_ARN}-2/*"]), "policy"),
    pol("bypass", "the bucket alone", tls(Resource=BUCKET_ARN), "policy"),
    pol("bypass", "the objects alone", tls(Resource=f"{BUCKET_ARN}/*"), "policy"),
    pol("bypass", "some of the objects", tls(Resource=[BUCKET_ARN, f"{BUCKET_ARN}/base/*"]), "policy"),
    pol("bypass", "one action", tls(Action="s3:GetObject"), "policy"),
    pol("bypass", "actions that begin alike", tls(Action="s3:Get*"), "policy"),
    pol("bypass", "all but an action", tls(Action=None, NotAction="s3:GetObject"), "policy"),
    pol("bypass", "all but a resource", tls(Resource=None, NotResource=OTHER), "policy"),
    pol("bypass", "one principal", tls(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), "policy"),
    pol("bypass", "everybody of a service", tls(Principal={"Service": "*"}), "policy"),
    pol(
        "bypass",
        "all but a principal",
        tls(Principal=None, NotPrincipal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        "policy",
    ),
    pol("bypass", "no principal", tls(Principal=None), "policy"),
    pol("bypass", "no condition key", tls(Condition={}), "policy"),
    pol("bypass", "the wrong way round", condition(Bool={SECURE: "true"}), "policy"),
    pol("bypass", "both ways", condition(Bool={SECURE: ["true", "false"]}), "policy"),
    pol("bypass", "no value", condition(Bool={SECURE: []}), "policy"),
    pol("bypass", "as a text comparison", condition(StringEquals={SECURE: "false"}), "policy"),
    pol("bypass", "for any value", condition(**{"ForAnyValue:Bool": {SECURE: "false"}}), "policy"),
    pol("bypass", "where the key is missing", condition(Null={SECURE: "true"}), "policy"),
    pol("bypass", "and on a second key", condition(Bool={SECURE: "false", "aws:ViaAWSService": "false"}), "policy"),
    pol(
        "bypass",
        "and on a second operator",
        condition(Bool={SECURE: "false"}, IpAddress={"aws:SourceIp": "10.0.0.0/8"}),
        "policy",
    ),
    pol("bypass", "another key", condition(Bool={"aws:MultiFactorAuthPresent": "false"}), "policy"),
    pol(
        "bypass",
        "deny in another case",
        tls(Effect="deny"),
        "policy",
        "policy.Statement[0].Principal",
        "policy.Statement[0].Action",
    ),
    pol(
        "bypass", "no effect", tls(Effect=None), "policy", "policy.Statement[0].Principal", "policy.Statement[0].Action"
    ),
    pol("bypass", "no statements", policy(), "policy"),
    pol("bypass", "an empty text", (aws(BUCKET_POLICY, {"policy": ""}),), "policy"),
    pol("bypass", "no JSON", (aws(BUCKET_POLICY, {"policy": "{"}),), "policy"),
    pol("bypass", "a list", (aws(BUCKET_POLICY, {"policy": "[]"}),), "policy"),
    pol("bypass", "JSON in JSON", (aws(BUCKET_POLICY, {"policy": json.dumps(document(TLS_ONLY))}),), "policy"),
    pol("bypass", "a byte order mark", (aws(BUCKET_POLICY, {"policy": "\ufeff" + document(TLS_ONLY)}),), "policy"),
    pol(
        "bypass",
        "a number that is none",
        (aws(BUCKET_POLICY, {"policy": document(TLS_ONLY, Id=float("nan"))}),),
        "policy",
    ),
    pol("bypass", "nested without end", (aws(BUCKET_POLICY, {"policy": "[" * 200_000}),), "policy"),
    pol(
        "bypass",
        "nested deep",
        (
            aws(
                BUCKET_POLICY,
                {
                    "policy": document(changed(TLS_ONLY, Condition=None, Action=None))[:-2]
                    + ', "Condition": '
                    + '{"a":' * 400
                    + "1"
                    + "}" * 400
                    + "}]}"
                },
            ),
        ),
        "policy",
    ),
    pol("bypass", "a number", (aws(BUCKET_POLICY, {"policy": 7.0}),), "policy"),
    pol("bypass", "a statement that is none", policy(TLS_ONLY, "Allow"), AT),
    pol("bypass", "a list in the list", policy([TLS_ONLY]), "policy.Statement[0]"),
    pol(
        "bypass",
        "a key twice",
        (
            aws(
                BUCKET_POLICY,
                {
                    "policy": document(TLS_ONLY, LET_IN).replace(
                        '"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"'
                    )
                },
            ),
        ),
        "policy",
    ),
    pol(
        "bypass",
        "statements twice",
        (
            aws(
                BUCKET_POLICY,
                {
                    "policy": document(changed(LET_IN, Principal="*"))[:-1]
                    + f', "Statement": [{json.dumps(TLS_ONLY)}]}}'
                },
            ),
        ),
        "policy",
    ),
    pol(
        "bypass",
        "statements in two cases",
        (aws(BUCKET_POLICY, {"policy": document(TLS_ONLY, statement=[changed(LET_IN, Principal="*")])}),),
        "policy",
    ),
    pol("bypass", "an element in two cases", let_in(principal="*"), AT),
    pol(
        "bypass",
        "elements in lower case",
        policy(TLS_ONLY, {"effect": "Allow", "principal": "*", "action": "s3:GetObject", "resource": "*"}),
        f"{AT}.principal",
    ),
    pol("bypass", "allow in another case", let_in(Effect="ALLOW", Principal="*"), f"{AT}.Principal"),
    pol("bypass", "no effect that lets in", let_in(Effect=None, Principal="*"), f"{AT}.Principal"),
    pol("bypass", "everybody in AWS let in", let_in(Principal={"AWS": "*"}), f"{AT}.Principal.AWS"),
    pol(
        "bypass",
        "everybody in a list let in",
        let_in(Principal={"AWS": [f"arn:aws:iam::{ACCOUNT}:root", "*"]}),
        f"{AT}.Principal.AWS[1]",
    ),
    pol("bypass", "everybody as a list", let_in(Principal=["*"]), f"{AT}.Principal[0]"),
    pol("bypass", "everybody in lower case", let_in(Principal={"aws": "*"}), f"{AT}.Principal.aws"),
    pol("bypass", "everybody behind a space", let_in(Principal={"AWS": " *"}), f"{AT}.Principal.AWS"),
    pol("bypass", "everybody twice", let_in(Principal={"AWS": "**"}), f"{AT}.Principal.AWS"),
    pol("bypass", "every canonical user", let_in(Principal={"CanonicalUser": "*"}), f"{AT}.Principal.CanonicalUser"),
    pol("bypass", "every service", let_in(Principal={"Service": "*.amazonaws.com"}), f"{AT}.Principal.Service"),
    pol(
        "bypass",
        "every account's role",
        let_in(Principal={"AWS": "arn:aws:iam::*:role/backups"}),
        f"{AT}.Principal.AWS",
    ),
    pol("bypass", "every account of twelve digits", let_in(Principal={"AWS": "????????????"}), f"{AT}.Principal.AWS"),
    pol("bypass", "everybody but one", let_in(Principal=None, NotPrincipal={"AWS": ACCOUNT}), f"{AT}.NotPrincipal"),
    pol("bypass", "nobody named", let_in(Principal=None), f"{AT}.Principal"),
    pol("bypass", "an object for a name", let_in(Principal={"AWS": {"a": "*"}}), f"{AT}.Principal.AWS"),
    pol(
        "bypass",
        "everybody under a condition",
        let_in(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        f"{AT}.Principal",
    ),
    pol("bypass", "everybody over TLS", let_in(Principal="*", Condition={"Bool": {SECURE: "true"}}), f"{AT}.Principal"),
    pol(
        "bypass",
        "everybody as an escape",
        (
            aws(
                BUCKET_POLICY,
                {
                    "policy": document(TLS_ONLY, changed(LET_IN, Principal="*")).replace(
                        '"Principal": "*", "Action": ["s3', '"Principal": "\\u002a", "Action": ["s3'
                    )
                },
            ),
        ),
        f"{AT}.Principal",
    ),
    pol(
        "bypass",
        "everybody as an object",
        as_object(TLS_ONLY, changed(LET_IN, Principal={"AWS": ["*"]})),
        f"{AT}.Principal.AWS[0]",
    ),
    pol("bypass", "an action in another case", let_in(Action=["s3:GetObject", "S3:*"]), f"{AT}.Action[1]"),
    pol("bypass", "actions that write", let_in(Action="s3:Put*"), f"{AT}.Action"),
    pol("bypass", "all but an action let in", let_in(Action=None, NotAction="s3:DeleteBucket"), f"{AT}.NotAction"),
    pol(
        "bypass",
        "the bucket's own policy",
        (bucket({"policy": ONE_ALLOWED}),),
        "policy",
        "policy.Statement[0].Principal",
    ),
    pol(
        "bypass",
        "the older bucket's own policy",
        (aws(BUCKETS[1], {"policy": ONE_ALLOWED, "bucket": BUCKET_NAME}),),
        "policy",
        "policy.Statement[0].Principal",
    ),
    pol(
        "bypass",
        "through an access point",
        (aws(ACCESS_POINT, {"policy": ONE_ALLOWED}),),
        "policy.Statement[0].Principal",
    ),
    *(
        pol("bypass", type_, (aws(type_, {path: ONE_ALLOWED}),), f"{path}.Statement[0].Principal")
        for type_, path in ACCESS_POLICIES.items()
    ),
    pol("unknown", "the policy", (aws(BUCKET_POLICY, {"policy": UNKNOWN}),)),
    pol("unknown", "the statements", (aws(BUCKET_POLICY, {"policy": {"Statement": UNKNOWN}}),)),
    pol("unknown", "a statement", as_object(UNKNOWN, LET_IN)),
    pol("unknown", "the denial's resource", as_object(changed(TLS_ONLY, Resource=UNKNOWN))),
    pol("unknown", "an effect", as_object(changed(TLS_ONLY, Effect=UNKNOWN))),
    pol("unknown", "the bucket", policy(TLS_ONLY, bucket=UNKNOWN)),
    pol(
        "unknown",
        "the bucket, beside another's objects",
        policy(changed(TLS_ONLY, Resource=[*TLS_ONLY["Resource"], f"{OTHER}/*"]), bucket=UNKNOWN),
    ),
    pol("unknown", "the bucket, with a pattern", policy(changed(TLS_ONLY, Resource=f"{BUCKET_ARN}*"), bucket=UNKNOWN)),
    pol(
        "unknown",
        "the bucket, with half a denial",
        policy(changed(TLS_ONLY, Resource=BUCKET_ARN), bucket=UNKNOWN),
        "policy",
    ),
    pol("unknown", "the principal", as_object(TLS_ONLY, changed(LET_IN, Principal={"AWS": UNKNOWN}))),
    pol(
        "unknown",
        "one principal of two",
        as_object(TLS_ONLY, changed(LET_IN, Principal={"AWS": [UNKNOWN, "*"]})),
        f"{AT}.Principal.AWS[1]",
    ),
    pol(
        "unknown",
        "the role that is let in, and no denial",
        as_object(changed(LET_IN, Principal={"AWS": UNKNOWN})),
        "policy",
    ),
    pol("unknown", "an action of two", as_object(UNKNOWN, changed(LET_IN, Action=[UNKNOWN, "*"])), f"{AT}.Action[1]"),
)

DEL = (
    Case("S3-DEL", "passing", "protected", (bucket(),)),
    Case("S3-DEL", "passing", "nothing said", (bucket({"forceDestroy": UNSET}),)),
    Case("S3-DEL", "passing", "as text", (bucket({"forceDestroy": "false"}),)),
    Case("S3-DEL", "passing", "an object", (aws(OBJECT),)),
    *(
        Case(
            "S3-DEL",
            "failing",
            f"forced {type_}",
            (aws(type_, {"forceDestroy": True}, protect=True),),
            ("forceDestroy",),
        )
        for type_ in (*BUCKETS, DIRECTORY_BUCKET, *OBJECTS)
    ),
    Case("S3-DEL", "failing", "not protected", (bucket(protect=False),), ("protect",)),
    Case("S3-DEL", "failing", "neither", (bucket({"forceDestroy": True}, protect=False),), ("forceDestroy", "protect")),
    Case("S3-DEL", "bypass", "as text", (bucket({"forceDestroy": "T"}),), ("forceDestroy",)),
    Case("S3-DEL", "bypass", "as a number", (bucket({"forceDestroy": 1.0}),), ("forceDestroy",)),
    Case("S3-DEL", "bypass", "the older type", (aws(BUCKETS[1], protect=False),), ("protect",)),
    Case("S3-DEL", "bypass", "a directory bucket", (aws(DIRECTORY_BUCKET),), ("protect",)),
    Case("S3-DEL", "unknown", "unknown", (bucket({"forceDestroy": UNKNOWN}),)),
    Case("S3-DEL", "unknown", "and not protected", (bucket({"forceDestroy": UNKNOWN}, protect=False),), ("protect",)),
)

RETENTION = "rule.defaultRetention"


def locked(**retention: Any) -> tuple[Resource]:
    return (aws(OBJECT_LOCK[0], {RETENTION: retention}),)


LOCK = (
    Case("S3-LOCK", "passing", "locked", (bucket(), aws(OBJECT_LOCK[0]))),
    Case("S3-LOCK", "passing", "governance, years", locked(mode="GOVERNANCE", years=1.0)),
    Case("S3-LOCK", "passing", "a number as text", locked(mode="COMPLIANCE", days="7")),
    Case("S3-LOCK", "passing", "no word on the switch", (aws(OBJECT_LOCK[0], {"objectLockEnabled": UNSET}),)),
    Case(
        "S3-LOCK",
        "passing",
        "a bucket of logs",
        (bucket({"objectLockEnabled": False}, name="access"),),
        options={"logBuckets": ["access"]},
    ),
    Case(
        "S3-LOCK", "passing", "the program's own bucket of logs", (bucket({"objectLockEnabled": False}, name="logs"),)
    ),
    Case(
        "S3-LOCK",
        "passing",
        "a shorter time that was agreed on",
        locked(mode="COMPLIANCE", days=1),
        options={"minRetentionDays": 1},
    ),
    Case("S3-LOCK", "failing", "not enabled", (bucket({"objectLockEnabled": False}),), ("objectLockEnabled",)),
    Case("S3-LOCK", "failing", "nothing said", (bucket({"objectLockEnabled": UNSET}),), ("objectLockEnabled",)),
    Case(
        "S3-LOCK",
        "failing",
        "no retention",
        (aws(OBJECT_LOCK[0], {"rule": UNSET}),),
        (f"{RETENTION}.days", f"{RETENTION}.mode"),
    ),
    Case("S3-LOCK", "bypass", "as text", (bucket({"objectLockEnabled": "f"}),), ("objectLockEnabled",)),
    Case("S3-LOCK", "bypass", "a word for true", (bucket({"objectLockEnabled": "Enabled"}),), ("objectLockEnabled",)),
    Case("S3-LOCK", "bypass", "the older type", (aws(BUCKETS[1]),), ("objectLockEnabled",)),
    Case(
        "S3-LOCK",
        "bypass",
        "a name like a bucket of logs",
        (bucket({"objectLockEnabled": False}, name="logs-2"),),
        ("objectLockEnabled",),
        options={"logBuckets": ["logs"]},
    ),
    Case(
        "S3-LOCK",
        "bypass",
        "another switch",
        (aws(OBJECT_LOCK[1], {"objectLockEnabled": "Disabled", RETENTION: {"mode": "COMPLIANCE", "days": 30}}),),
        ("objectLockEnabled",),
    ),
    Case("S3-LOCK", "bypass", "no mode", locked(days=30), (f"{RETENTION}.mode",)),
    Case("S3-LOCK", "bypass", "another mode", locked(mode="compliance", days=30), (f"{RETENTION}.mode",)),
    Case("S3-LOCK", "bypass", "for no time", locked(mode="COMPLIANCE", days=0, years=0), (f"{RETENTION}.days",)),
    Case("S3-LOCK", "bypass", "for a day", locked(mode="COMPLIANCE", days=1), (f"{RETENTION}.days",)),
    Case(
        "S3-LOCK",
        "bypass",
        "for a time that is no number",
        locked(mode="COMPLIANCE", days="long"),
        (f"{RETENTION}.days",),
    ),
    Case(
        "S3-LOCK",
        "bypass",
        "an empty rule",
        (aws(OBJECT_LOCK[0], {"rule": {}}),),
        (f"{RETENTION}.days", f"{RETENTION}.mode"),
    ),
    Case(
        "S3-LOCK",
        "bypass",
        "the bucket's own retention",
        (bucket({"objectLockConfiguration": {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 1}}}}),),
        ("objectLockConfiguration.rule.defaultRetention.days",),
    ),
    Case(
        "S3-LOCK",
        "bypass",
        "the older bucket's own retention",
        (
            aws(
                BUCKETS[1],
                {
                    "objectLockEnabled": True,
                    "objectLockConfiguration": {"rules": [{"defaultRetentions": [{"mode": "", "days": 30}]}]},
                },
            ),
        ),
        ("objectLockConfiguration.rules.defaultRetentions.mode",),
    ),
    Case(
        "S3-LOCK",
        "bypass",
        "the bucket's own switch alone",
        (bucket({"objectLockEnabled": UNSET, "objectLockConfiguration": {"objectLockEnabled": "Enabled"}}),),
        ("objectLockEnabled",),
    ),
    *(
        Case("S3-LOCK", "bypass", f"a bucket of another kind, {type_}", (aws(type_, name="logs"),), ("",))
        for type_ in WITHOUT_LOCK
    ),
    Case("S3-LOCK", "unknown", "the bucket", (bucket({"objectLockEnabled": UNKNOWN}),)),
    Case("S3-LOCK", "unknown", "the rule", (aws(OBJECT_LOCK[0], {"rule": UNKNOWN}),)),
    Case("S3-LOCK", "unknown", "the years", locked(mode="GOVERNANCE", days=0, years=UNKNOWN)),
    Case(
        "S3-LOCK", "unknown", "the days, with another mode", locked(mode="NONE", days=UNKNOWN), (f"{RETENTION}.mode",)
    ),
)

LOGS = bucket({"bucket": "tasktracker-prod-logs", "objectLockEnabled": False}, name="logs")


def logging(**changes: Any) -> Resource:
    return aws(LOGGING[0], changes)


def logging_at_preview(*origins: str) -> Resource:
    return aws(LOGGING[0], {"bucket": UNKNOWN}, dependencies={"bucket": list(origins)})


LOG = (
    Case("S3-LOG", "passing", "logged into another", (bucket(), LOGS, logging())),
    Case("S3-LOG", "passing", "logged into one from elsewhere", (bucket(), logging())),
    Case(
        "S3-LOG",
        "passing",
        "the older types",
        (aws(BUCKETS[1], {"bucket": BUCKET_NAME}), aws(LOGGING[1], {"bucket": BUCKET_NAME, "targetBucket": "x"})),
    ),
    Case("S3-LOG", "failing", "not logged", (bucket(),), ("bucket",)),
    Case("S3-LOG", "failing", "another one is logged", (bucket({"bucket": "b"}), logging()), ("bucket",)),
    Case("S3-LOG", "bypass", "logged into itself", (bucket(), logging(targetBucket=BUCKET_NAME)), ("bucket",)),
    Case("S3-LOG", "bypass", "logged into no bucket", (bucket(), logging(targetBucket="")), ("bucket",)),
    Case(
        "S3-LOG",
        "bypass",
        "logged into one with Object Lock",
        (bucket(), bucket({"bucket": "tasktracker-prod-logs"}, name="logs"), logging()),
        ("bucket", "bucket"),
    ),
    Case("S3-LOG", "bypass", "logged nowhere", (bucket({"bucket": "a"}), logging(bucket="b")), ("bucket",)),
    Case("S3-LOG", "unknown", "which bucket", (bucket(), LOGS, logging_at_preview(BUCKET_URN))),
    Case("S3-LOG", "unknown", "which bucket at all", (bucket(), logging_at_preview())),
    Case(
        "S3-LOG",
        "unknown",
        "another bucket",
        (bucket(name="other"), bucket(), logging_at_preview(BUCKET_URN)),
        ("bucket",),
    ),
    Case(
        "S3-LOG",
        "unknown",
        "the target",
        (
            bucket(),
            bucket({"bucket": UNKNOWN}, name="logs"),
            aws(LOGGING[0], {"targetBucket": UNKNOWN}, dependencies={"targetBucket": [f"{BUCKET_URN[:-7]}logs"]}),
        ),
    ),
)

CASES = (*PAB, *SSE, *VER, *LIFE, *ACL_CASES, *POL, *DEL, *LOCK, *LOG)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.id.startswith("S3-")], ids=lambda rule: rule.id)
def test_a_bucket_with_all_that_goes_with_it_is_compliant(rule: Any) -> None:
    run(Case(rule.id, "passing", "whole", (*whole_bucket(), *((LOGS,) if rule.id == "S3-LOG" else ()))))


def test_object_lock_is_asked_for_where_its_rule_is_mandatory() -> None:
    rule = rule_of("S3-LOCK")
    for level in Level:
        for resource, wrong in (
            (bucket({"objectLockEnabled": False}), level is Level.MANDATORY),
            (*locked(mode="COMPLIANCE", days=1), True),
        ):
            found = findings(rule, (resource,), Scope(rule.options(), environment="staging", level=level))
            assert bool(found) is wrong


def test_object_lock_is_mandatory_in_production_alone() -> None:
    rule = rule_of("S3-LOCK")
    assert (rule.level, rule.staging_level, rule.production_level) == (Level.ADVISORY, None, Level.MANDATORY)


@pytest.mark.parametrize("options", ['{"minRetentionDays": 0}', '{"maxAbortDays": -1}', '{"minRetentionDays": "7"}'])
def test_a_time_of_no_days_is_no_option(options: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        rule_of("S3-LIFE").options.model_validate_json(options)


def test_a_policy_without_tls_is_told_what_to_write() -> None:
    (finding,) = run(pol("failing", "no denial", policy(LET_IN), "policy"))
    assert "aws:SecureTransport is false" in finding.allowed
    assert '{"aws:SecureTransport": "false"}' in rule_of("S3-POL").fix


def test_a_lifecycle_is_told_which_rule_it_lacks() -> None:
    abort, versions = run(life("failing", "no rules", lifecycle(), *TWO))
    assert abort.allowed == "an enabled rule for every object that aborts uploads within 1 to 7 days"
    assert versions.allowed == "an enabled rule for every object that expires noncurrent versions after 7 days or more"
