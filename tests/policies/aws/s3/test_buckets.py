"""A bucket with all that goes with it."""

from __future__ import annotations

from typing import Any

import pytest

from policies.registry import RULES
from tests.policies.aws.s3.test_access_logs import LOGS
from tests.policies.cases import Case, run
from tests.policies.compliant_aws import whole_bucket


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.id.startswith("S3-")], ids=lambda rule: rule.id)
def test_a_bucket_with_all_that_goes_with_it_is_compliant(rule: Any) -> None:
    run(Case(rule.id, "passing", "whole", (*whole_bucket(), *((LOGS,) if rule.id == "S3-LOG" else ()))))
