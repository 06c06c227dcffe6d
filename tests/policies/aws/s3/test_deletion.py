"""Buckets and their contents can't be destroyed by one command."""

from __future__ import annotations

from collections.abc import Sequence

from policies.aws.s3.types import BUCKETS, DIRECTORY_BUCKET, OBJECTS
from policies.values import UNKNOWN
from tests.policies.aws.s3.test_acl import OBJECT
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.compliant import UNSET
from tests.policies.compliant_aws import aws, bucket

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


CASES = DEL


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
