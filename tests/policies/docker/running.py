"""Properties of containers and services that run, for the tests of the rules."""

from __future__ import annotations

from tests.policies.compliant import UNSET

SPEC = "taskSpec.containerSpec"
HEALTHCHECK = f"{SPEC}.healthcheck"
CONDITION = "taskSpec.restartPolicy.condition"

JOB = {"start": False, "mustRun": False, "restart": "no", "healthcheck": UNSET, "ports": UNSET}
