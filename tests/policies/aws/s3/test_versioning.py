"""Old versions of objects are kept."""

from __future__ import annotations

from collections.abc import Sequence

from policies.aws.s3.types import BUCKETS, VERSIONING
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.compliant import UNSET
from tests.policies.compliant_aws import aws, bucket

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


CASES = VER


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
