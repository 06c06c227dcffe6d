"""What the program itself registers, in each shape that it can have, breaks no rule; and no rule takes long."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable
from time import process_time_ns

import pytest
from google.protobuf import json_format

from policies import config
from policies.evaluate import Pack, Target
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Rule, Scope
from policies.values import decode
from tests.policies.test_pack import cases
from tests.services import OPTIONAL
from tests.unit.components.conftest import API_TOKEN, DEBUG_PORTS, DEV, PROD, TUNNEL, Run, run_program

#: Milliseconds of processor time that a rule may take over one resource.
MOST_MS = 2

#: How many runs are measured, the best of which counts, and how often they are measured again.
RUNS = 7
ATTEMPTS = 12

#: Steps of a loop, and the milliseconds that they take on an idle core of the machine that the limit is for (a virtual
#: one of 2 cores, Python 3.11). Where others slow the core down, a rule has that much more time.
STEPS = 10_000
STEPS_MS = 0.14

#: A bucket whose name is as random as a key.
BUCKET = "tt-0f1e2d3c4b5a69788796a5b4c3d2e1f0"

AWS = {"repository": "aws", "aws": {"region": "eu-central-1", "bucket": BUCKET}}
S3 = {"repository": "s3", "s3": {"endpoint": "s3.example.com", "bucket": BUCKET, "region": "eu-central-1"}}
S3_KEYS = {"s3_access_key": 20 * "a", "s3_secret_key": 40 * "b", "backup_passphrase": 40 * "c"}

SHAPES = {
    "dev": (DEV, {}),
    "debug": ({**DEV, **DEBUG_PORTS}, {}),
    "staging": ({**PROD, "environment": "staging"}, {}),
    "prod": (PROD, {}),
    "tunnel": (TUNNEL, API_TOKEN),
    "AWS": ({**PROD, "backup": json.dumps(AWS)}, {}),
    "a bucket elsewhere": ({**PROD, "backup": json.dumps(S3)}, S3_KEYS),
    "a certificate": ({**TUNNEL, "nginx": json.dumps({"tls": True, "certificate": "cloudflare"})}, API_TOKEN),
    "optional services": ({**DEV, **OPTIONAL}, {}),
    "Redis": ({**DEV, "redis": json.dumps({"max_memory": "100MB", "eviction": "noeviction"})}, {}),
}


def resources(run: Run) -> list[Resource]:
    """What a run registers, as the engine hands it to the pack."""
    found = []
    for each in run.resources:
        secrets: set[str] = set()
        properties = decode(json_format.MessageToDict(each.request.object), secrets)
        urn = f"urn:pulumi:test::tasktracker::{each.type}::{each.name}"
        found.append(Resource(each.type, each.name, urn, properties, frozenset(secrets), each.request.protect))
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_the_program_breaks_no_rule(shape: str) -> None:
    settings, secrets = SHAPES[shape]
    made = resources(run_program(settings, secrets))
    target = Target("test", "tasktracker", settings["environment"])
    pack = Pack(RULES, config.parse({}, RULES), (), target, datetime.date(2026, 11, 22))
    violations = [each for resource in made for each in pack.analyze(resource)] + pack.analyze_stack(made)
    assert violations == []


@pytest.fixture(scope="module")
def real() -> list[Resource]:
    """The program's own resources: nginx's files are the largest."""
    return resources(run_program(*SHAPES["tunnel"]))


def processor_time(work: Callable[[], object]) -> float:
    """The least processor time, in milliseconds, of some runs."""
    times = []
    for _ in range(RUNS):
        start = process_time_ns()
        work()
        times.append(process_time_ns() - start)
    return min(times) / 1e6


def steps() -> None:
    for _ in range(STEPS):
        pass


def milliseconds(judge: Callable[[], object]) -> float:
    """What a call takes of the processor, as on an idle core; measured again where it is more than it may be."""
    least = math.inf
    for _ in range(ATTEMPTS):
        slowness = max(1, processor_time(steps) / STEPS_MS)
        least = min(least, processor_time(judge) / slowness)
        if least <= MOST_MS:
            break
    return least


def of_fixtures(rule: Rule) -> list[Resource]:
    """The resources of a rule's compliant fixtures; of all its fixtures where it reads none of those."""
    read = [
        (case.kind, each)
        for case in cases()
        if case.rule == rule.id
        for each in case.resources
        if each.type in rule.reads
    ]
    return [each for kind, each in read if kind == "passing"] or [each for _, each in read]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.check], ids=lambda rule: rule.id)
def test_a_rule_takes_no_longer_than_that(rule: Rule, real: list[Resource]) -> None:
    judged = of_fixtures(rule) + [resource for resource in real if resource.type in rule.reads]
    assert judged
    check, scope = rule.check, Scope(rule.options(), stack="prod")
    assert check is not None
    slow = {}
    for resource in judged:
        took = milliseconds(lambda: list(check(resource, scope)))  # noqa: B023 - it is called at once
        if took > MOST_MS:
            slow[resource.name] = took
    assert slow == {}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.check_stack], ids=lambda rule: rule.id)
def test_a_rule_for_a_stack_takes_no_longer_than_that(rule: Rule, real: list[Resource]) -> None:
    judged = [resource for resource in real if resource.type in rule.reads]
    judged = judged or of_fixtures(rule)
    check, scope = rule.check_stack, Scope(rule.options(), stack="prod")
    assert check is not None
    assert milliseconds(lambda: list(check(judged, scope))) <= MOST_MS * len(judged)
