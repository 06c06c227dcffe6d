"""What identities in AWS may do."""

from __future__ import annotations

import json
from collections.abc import Sequence

from policies.aws.iam import ATTACHMENTS, POLICIES, POLICY, ROLE
from policies.rule import Level
from policies.values import UNKNOWN
from tests.policies.aws.identities import (
    ALL,
    AT,
    BROAD_ACTIONS,
    FEDERATED,
    GITHUB,
    NAMED,
    SUBJECT,
    TRUSTED,
    UNNAMED,
    WEB_IDENTITY,
    federated,
    grant,
    managed,
    on,
    policy,
    star,
    text,
    trust,
)
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import UNSET
from tests.policies.compliant_aws import ACCOUNT, GRANT, aws, changed, document

STAR = (
    star("passing", "a grant", (aws(POLICY),)),
    star("passing", "a role", (aws(ROLE),)),
    star("passing", "an object", text({"Version": "2012-10-17", "Statement": [GRANT]})),
    star("passing", "a single statement", text(json.dumps({"Statement": GRANT}))),
    star("passing", "a denial of everything", policy({"Effect": "Deny", "Action": "*", "Resource": "*"}, GRANT)),
    star("passing", "all but, denied", policy({"Effect": "Deny", "NotAction": "iam:*", "NotResource": "*"})),
    star("passing", "no statements", policy()),
    *(star("passing", f"on {arn}", on(arn)) for arn in NAMED),
    *(
        star("passing", f"{action} on everything", grant(Action=action, Resource="*"))
        for action in (
            "ecr:GetAuthorizationToken",
            "sts:GetCallerIdentity",
            "cloudwatch:PutMetricData",
            "ec2:Describe*",
        )
    ),
    *(
        star("passing", action, grant(Action=action))
        for action in ("s3:GetObject", "s3:Get*", "s3:getobject*", "s3:List*")
    ),
    star("passing", "a service may take the role", trust()),
    star("passing", "an account may", trust(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})),
    star(
        "passing",
        "an identity provider's users may",
        federated({"StringLike": {f"{GITHUB}:sub": "repo:example/app:*"}}),
    ),
    star("passing", "a managed policy that machines need", managed("AmazonSSMManagedInstanceCore")),
    star("passing", "one under a path", managed("service-role/AWSLambdaBasicExecutionRole")),
    star("passing", "one that was agreed on", managed("SecurityAudit"), managedPolicies=["SecurityAudit"]),
    star(
        "passing",
        "one of our own",
        (
            aws(
                "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
                {"policyArn": f"arn:aws:iam::{ACCOUNT}:policy/AdministratorAccess"},
            ),
        ),
    ),
    star("failing", "everything", policy(ALL), f"{AT}.Action", f"{AT}.Resource"),
    *(
        star("failing", type_, (aws(type_, {"policy": document(ALL)}),), f"{AT}.Action", f"{AT}.Resource")
        for type_ in POLICIES
    ),
    star("failing", "everybody may take the role", trust(Principal="*"), f"{TRUSTED}.Principal"),
    *(
        star("failing", name, managed(name), "policyArn")
        for name in ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess", "AmazonS3FullAccess", "ReadOnlyAccess")
    ),
    *(
        star("failing", type_, (aws(type_, {path: ["arn:aws:iam::aws:policy/AdministratorAccess"]}),), f"{path}[0]")
        for type_, path in ATTACHMENTS.items()
        if path.endswith("s")
    ),
    *(
        star("failing", type_, managed("AdministratorAccess", type_), path)
        for type_, path in ATTACHMENTS.items()
        if not path.endswith("s")
    ),
    *(star("bypass", f"action {action}", grant(Action=action), f"{AT}.Action") for action in BROAD_ACTIONS),
    *(star("bypass", f"on {arn}", on(arn), f"{AT}.Resource[0]") for arn in UNNAMED),
    star("bypass", "an action behind a good one", grant(Action=["s3:GetObject", "s3:*"]), f"{AT}.Action[1]"),
    star("bypass", "a resource behind a good one", on("arn:aws:s3:::name", "*"), f"{AT}.Resource[1]"),
    star("bypass", "a text for a list", grant(Resource="*"), f"{AT}.Resource"),
    star(
        "bypass",
        "an action without resources beside one with",
        grant(Action=["ecr:GetAuthorizationToken", "s3:PutObject"], Resource="*"),
        f"{AT}.Resource",
    ),
    star("bypass", "all but an action", grant(Action=None, NotAction="iam:*"), f"{AT}.NotAction"),
    star("bypass", "all but a resource", grant(Resource=None, NotResource="arn:aws:s3:::x"), f"{AT}.NotResource"),
    star("bypass", "both", grant(NotAction=["iam:*"]), f"{AT}.NotAction"),
    star("bypass", "no action", grant(Action=None), f"{AT}.Action"),
    star("bypass", "no resource", grant(Resource=None), f"{AT}.Resource"),
    star("bypass", "an empty list", grant(Action=[]), f"{AT}.Action"),
    star("bypass", "a list in a list", grant(Action=[["*"]]), f"{AT}.Action[0]"),
    star("bypass", "an object", grant(Action={"a": "*"}), f"{AT}.Action"),
    star("bypass", "a number", grant(Resource=[7]), f"{AT}.Resource[0]"),
    star("bypass", "allow in another case", grant(Effect="allow", Action="*"), f"{AT}.Action"),
    star("bypass", "deny in another case", grant(Effect="DENY", Action="*"), f"{AT}.Action"),
    star("bypass", "no effect", grant(Effect=None, Action="*"), f"{AT}.Action"),
    star(
        "bypass",
        "in the second statement",
        policy(GRANT, ALL),
        "policy.Statement[1].Action",
        "policy.Statement[1].Resource",
    ),
    star(
        "bypass",
        "a single statement",
        text(json.dumps({"Statement": ALL})),
        "policy.Statement.Action",
        "policy.Statement.Resource",
    ),
    star("bypass", "an object", text({"Statement": [ALL]}), f"{AT}.Action", f"{AT}.Resource"),
    star(
        "bypass",
        "names in lower case",
        text({"statement": {"effect": "Allow", "action": "*", "resource": "*"}}),
        "policy.statement.action",
        "policy.statement.resource",
    ),
    star("bypass", "an escape", text(document(ALL).replace("*", "\\u002a")), f"{AT}.Action", f"{AT}.Resource"),
    star(
        "bypass",
        "under a condition",
        grant(Action="*", Condition={"Bool": {"aws:SecureTransport": "true"}}),
        f"{AT}.Action",
    ),
    star("bypass", "an element twice", text(document(GRANT).replace('"Effect"', '"Action": "*", "Effect"')), "policy"),
    star("bypass", "statements twice", text(document(ALL)[:-1] + ', "Statement": []}'), "policy"),
    star("bypass", "statements in two cases", text(document(GRANT, statement=[ALL])), "policy"),
    star("bypass", "an element in two cases", grant(action="*"), AT),
    star("bypass", "no JSON", text("Allow everything"), "policy"),
    star("bypass", "JSON in JSON", text(json.dumps(document(ALL))), "policy"),
    star("bypass", "a statement that is none", policy(GRANT, "Allow *"), "policy.Statement[1]"),
    star(
        "bypass",
        "in a role",
        (aws(ROLE, {"inlinePolicies": [{"name": "a", "policy": document(GRANT)}, {"policy": document(ALL)}]}),),
        "inlinePolicies[1].policy.Statement[0].Action",
        "inlinePolicies[1].policy.Statement[0].Resource",
    ),
    star("bypass", "everybody in AWS may take the role", trust(Principal={"AWS": "*"}), f"{TRUSTED}.Principal.AWS"),
    star("bypass", "everybody in a list", trust(Principal={"AWS": [ACCOUNT, "*"]}), f"{TRUSTED}.Principal.AWS[1]"),
    star(
        "bypass", "everybody but one", trust(Principal=None, NotPrincipal={"AWS": ACCOUNT}), f"{TRUSTED}.NotPrincipal"
    ),
    star(
        "bypass",
        "everybody of an organisation",
        trust(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        f"{TRUSTED}.Principal",
    ),
    star("bypass", "every way to take the role", trust(Action="sts:*"), f"{TRUSTED}.Action"),
    star("bypass", "a trust in two cases", trust(principal="*"), TRUSTED),
    star(
        "bypass",
        "another partition",
        (
            aws(
                "aws:iam/userPolicyAttachment:UserPolicyAttachment",
                {"policyArn": "arn:aws-cn:iam::aws:policy/AdministratorAccess"},
            ),
        ),
        "policyArn",
    ),
    star(
        "bypass",
        "another case",
        (
            aws(
                "aws:iam/userPolicyAttachment:UserPolicyAttachment",
                {"policyArn": " ARN:AWS:IAM::AWS:POLICY/ADMINISTRATORACCESS"},
            ),
        ),
        "policyArn",
    ),
    star("bypass", "under a path", managed("job-function/DatabaseAdministrator"), "policyArn"),
    star(
        "bypass",
        "under the name of a good one",
        managed("AmazonSSMManagedInstanceCore/AdministratorAccess"),
        "policyArn",
    ),
    star("bypass", "a service's", managed("service-role/AmazonEC2RoleforSSM"), "policyArn"),
    star("unknown", "the policy", text(UNKNOWN)),
    star("unknown", "the statements", text({"Statement": UNKNOWN})),
    star(
        "unknown",
        "a statement",
        text({"Statement": [UNKNOWN, ALL]}),
        "policy.Statement[1].Action",
        "policy.Statement[1].Resource",
    ),
    star("unknown", "the effect", text({"Statement": [changed(ALL, Effect=UNKNOWN)]})),
    star("unknown", "the resource", text({"Statement": [changed(GRANT, Resource=UNKNOWN)]})),
    star(
        "unknown", "the resource of everything", text({"Statement": [changed(ALL, Resource=[UNKNOWN])]}), f"{AT}.Action"
    ),
    star("unknown", "the action", text({"Statement": [changed(GRANT, Action=UNKNOWN)]})),
    star(
        "unknown", "one action of two", text({"Statement": [changed(GRANT, Action=[UNKNOWN, "*"])]}), f"{AT}.Action[1]"
    ),
    star("unknown", "inline policies", (aws(ROLE, {"inlinePolicies": [UNKNOWN], "managedPolicyArns": UNKNOWN}),)),
    star(
        "unknown",
        "a managed policy",
        (aws(ROLE, {"managedPolicyArns": [UNKNOWN, "arn:aws:iam::aws:policy/AdministratorAccess"]}),),
        "managedPolicyArns[1]",
    ),
    star("unknown", "the trust", (aws(ROLE, {"assumeRolePolicy": UNKNOWN}),)),
    star("passing", "one repository on GitHub", federated(SUBJECT)),
    star("passing", "one organisation on GitHub", federated({"StringLike": {f"{GITHUB}:sub": ["repo:example/*"]}})),
    star("passing", "another claim", federated({"StringEquals": {f"{GITHUB}:repository_owner_id": "123"}})),
    star("passing", "a provider of SAML", federated({}, provider="saml-provider/office")),
    star("bypass", "everybody on GitHub", federated(None), FEDERATED),
    star("bypass", "an audience", federated({"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}), FEDERATED),
    star(
        "bypass", "a branch of anybody's", federated({"StringEquals": {f"{GITHUB}:ref": "refs/heads/main"}}), FEDERATED
    ),
    star("bypass", "any subject", federated({"StringLike": {f"{GITHUB}:sub": "*"}}), FEDERATED),
    star("bypass", "any repository", federated({"StringLike": {f"{GITHUB}:sub": "repo:*"}}), FEDERATED),
    star("bypass", "any main branch", federated({"StringLike": {f"{GITHUB}:sub": "repo:*:ref:main"}}), FEDERATED),
    star("bypass", "any kind", federated({"StringLike": {f"{GITHUB}:sub": "*:example/app"}}), FEDERATED),
    star(
        "bypass",
        "one of two is any",
        federated({"StringLike": {f"{GITHUB}:sub": ["repo:example/app:*", "repo:*"]}}),
        FEDERATED,
    ),
    star("bypass", "all but one", federated({"StringNotLike": {f"{GITHUB}:sub": "repo:evil/app:*"}}), FEDERATED),
    star(
        "bypass",
        "true without the claim",
        federated({"ForAllValues:StringLike": {f"{GITHUB}:sub": "repo:example/app:*"}}),
        FEDERATED,
    ),
    star("bypass", "another provider's", federated({"StringEquals": {"example.com:sub": "repo:a/b"}}), FEDERATED),
    star("bypass", "no value", federated({"StringEquals": {f"{GITHUB}:sub": []}}), FEDERATED),
    star(
        "unknown",
        "the condition",
        (aws(ROLE, {"assumeRolePolicy": {"Statement": [changed(WEB_IDENTITY, Condition=UNKNOWN)]}}),),
    ),
)


def test_a_policy_that_is_not_there_grants_nothing() -> None:
    run(star("passing", "unset", (*text(UNSET), *text(None), *text(""))))


def test_levels() -> None:
    assert rule_of("IAM-STAR").level is Level.MANDATORY
    assert rule_of("IAM-KEY").level is Level.ADVISORY


def test_a_finding_says_which_action() -> None:
    (finding,) = run(star("failing", "an action", grant(Action=["s3:GetObject", "s3:*"]), f"{AT}.Action[1]"))
    assert finding.value == "s3:*"
    assert finding.allowed == "actions by name; a `*` only at the end of one that reads (Get*, List*, Describe*)"


CASES = STAR


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
