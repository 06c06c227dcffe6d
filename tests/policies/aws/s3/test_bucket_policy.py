"""What the policies of buckets and access points allow, and that they demand TLS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from policies.aws.s3.types import ACCESS_POINT, ACCESS_POLICIES, BUCKET_POLICY, BUCKETS
from policies.resource import Resource
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import UNSET
from tests.policies.compliant_aws import (
    ACCOUNT,
    BUCKET_ARN,
    BUCKET_NAME,
    LET_IN,
    TLS_ONLY,
    aws,
    bucket,
    changed,
    document,
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


def test_a_policy_without_tls_is_told_what_to_write() -> None:
    (finding,) = run(pol("failing", "no denial", policy(LET_IN), "policy"))
    assert "aws:SecureTransport is false" in finding.allowed
    assert '{"aws:SecureTransport": "false"}' in rule_of("S3-POL").fix


CASES = POL


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
