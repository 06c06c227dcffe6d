"""Random inputs through every rule: none crashes it, and no secret in them is ever shown.

An input is a resource of one of the rules' fixtures with a few of its values changed: to values that
rules look for, to nonsense of every type, to unknown ones, and with a secret planted somewhere.
`FUZZ_SEED` repeats a run. `FUZZ_INPUTS` is how many inputs each rule gets at least: `make policies` gives 100,000.
"""

from __future__ import annotations

import copy
import datetime
import marshal
import os
import random
import string
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from policies import config
from policies.evaluate import Pack, Target
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Rule
from policies.values import UNKNOWN, has_unknown
from tests.policies.test_pack import cases

#: Inputs that each rule gets at least; each run of all tests has others, so few of them do there.
INPUTS = int(os.environ.get("FUZZ_INPUTS", "2000"))

#: Inputs of a type that isn't the main one of any rule, such as those of older versions of a provider.
FEW_INPUTS = 200

#: Inputs that one process takes at a time.
CHUNK = 10_000

#: Changes to one input: most are near the compliant form, where checks are decided.
MOST_CHANGES = 3

#: One input in this many has a violation at least: the generator reaches what the rules look at.
LEAST_HITS = 50

SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.SystemRandom().randrange(2**32)

#: Values that rules look for, or stumble over.
SPECIAL: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.0, -0.0, 0.5, 1e308, 2**63, -(2**70), float("nan"), float("inf"),
    "", " ", "0", "0:0", "root", "1000", "1000:1000", "-1", "NaN", "1e9", "true", "TRUE", "ALL", "all", "CAP_SYS_ADMIN",
    "host", "container:x", "none", "bridge", "default", "unconfined", "seccomp=unconfined", "label:disable",
    "/", "//", "/var/run/docker.sock", "/var/../run//docker.sock/", "../..", "~", "0.0.0.0", "::", "[::]", "127.0.0.1",
    "::ffff:0.0.0.0", "8222", 8222, 8222.0, "10m", "-5", "99999999999999999999g", "latest", "nginx:latest",
    "nginx@sha256:", "*", "arn:aws:s3:::*", "{", "[]", '{"Statement": 3}', '{"Statement": [{"Action": "*"}]}',
    "http_status:404", "http://nginx:80", "unix:/x", "\x00", "\ud800", "\u0663", "\u07c0:\u07c0", "a" * 5000,
    [], {}, [None], [[]], [{}], {"": None}, [[[[]]]], UNKNOWN, [UNKNOWN], {"x": UNKNOWN},
)  # fmt: skip

#: Properties that a changed key may become.
NAMES = ("privileged", "ports", "volumes", "pidMode", "devices", "envs", "securityOpts", "acl", "policy", "config")

_LETTERS = string.ascii_letters + string.digits

#: Secrets of known shapes.
SHAPES: tuple[Callable[[random.Random], str], ...] = (
    lambda rng: "AKIA" + _some(rng, 16, string.ascii_uppercase + "234567"),
    lambda rng: "ghp_" + _some(rng, 36),
    lambda rng: "glpat-" + _some(rng, 20),
    lambda rng: f"xoxb-{_some(rng, 12, string.digits)}-{_some(rng, 12, string.digits)}-{_some(rng, 24)}",
    lambda rng: "sk_live_" + _some(rng, 24),
    lambda rng: f"postgresql://app:{_some(rng, 24)}@postgres:5432/app",
)


def _some(rng: random.Random, length: int, alphabet: str = _LETTERS) -> str:
    return "".join(rng.choices(alphabet, k=length))


def _samples() -> dict[str, list[Resource]]:
    """The resources of all fixtures by type, those without unknown values."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for case in cases():
        for resource in case.resources:
            if not has_unknown(dict(resource.properties)):
                found[resource.type].append(resource)
    return found


SAMPLES = _samples()


def _counts() -> dict[str, int]:
    """How many inputs of each type to make: many of each rule's best known type, a few of the others."""
    return {type_: FEW_INPUTS for rule in RULES for type_ in types_of(rule)} | dict.fromkeys(MAIN, INPUTS)


def types_of(rule: Rule) -> list[str]:
    """The types that a rule looks at: those that it names, and those of fixtures where it names a pattern."""
    named = [type_ for type_ in rule.reads if not type_.endswith("*")]
    return [*named, *(type_ for type_ in SAMPLES if type_ not in named and rule.properties(type_) is not None)]


#: The best known type of each rule.
MAIN = {max(types_of(rule), key=lambda type_: len(SAMPLES.get(type_, ()))) for rule in RULES if rule.reads}

COUNTS = _counts()


def places(value: object, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Each place in nested lists and objects, as its container and key; added to `found`."""
    if isinstance(value, dict):
        for key, item in value.items():
            found.append((value, key))
            places(item, found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found.append((value, index))
            places(item, found)
    return found


def change(properties: dict[str, Any], rng: random.Random) -> None:
    """Changes one value or key somewhere in `properties`."""
    spots = places(properties, [])
    if not spots:
        properties[rng.choice(NAMES)] = copy.deepcopy(rng.choice(SPECIAL))
        return
    container, key = rng.choice(spots)
    choice = rng.random()
    if choice < 0.1 and isinstance(container, dict):
        container[rng.choice((*NAMES, f"{key}s"))] = container.pop(key)
    elif choice < 0.2 and isinstance(container, list):
        container.append(copy.deepcopy(container[key]))
    elif choice < 0.3:
        container[key] = "".join(rng.choices(string.printable, k=rng.randint(0, 12)))
    else:
        container[key] = copy.deepcopy(rng.choice(SPECIAL))


def run(type_: str, count: int, seed: int) -> int:
    """Puts `count` inputs of a type through all rules; returns how many broke one."""
    rng = random.Random(seed)
    pack = Pack(RULES, config.parse({}, RULES), (), Target("prod", "tasktracker", "prod"), datetime.date(2026, 11, 22))
    samples = SAMPLES.get(type_) or [Resource(type_, "sample", f"urn:pulumi:prod::tasktracker::{type_}::sample", {})]
    packed = [(sample, marshal.dumps(dict(sample.properties))) for sample in samples]
    hits = 0
    for _ in range(count):
        sample, properties_of = rng.choice(packed)
        properties = marshal.loads(properties_of)
        for _ in range(rng.randint(1, MOST_CHANGES)):
            change(properties, rng)
        planted = None
        if rng.random() < 0.3 and (spots := places(properties, [])):
            planted = rng.choice(SHAPES)(rng)
            container, key = rng.choice(spots)
            container[key] = rng.choice((planted, [planted], {"value": planted}, f"x={planted}"))
        secret = frozenset({rng.choice(list(properties))}) if properties and rng.random() < 0.1 else frozenset()
        resource = Resource(type_, sample.name, sample.urn, properties, secret, sample.protect, sample.dependencies)
        violations = pack.analyze(resource) + pack.analyze_stack([resource])
        said = "\n".join(violation.message for violation in violations)
        assert "this is a mistake in the rule" not in said, (properties, said)
        assert planted is None or planted not in said, (properties, said)
        hits += bool(violations)
    return hits


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    # It takes all the processors there are, which other tests may be waiting for.
    with ProcessPoolExecutor(initializer=os.nice, initargs=(10,)) as executor:
        yield executor


def test_each_rule_gets_its_inputs() -> None:
    few = [rule.id for rule in RULES if rule.reads and sum(COUNTS[type_] for type_ in types_of(rule)) < INPUTS]
    assert few == []


@pytest.mark.parametrize("type_", sorted(COUNTS))
def test_random_inputs(pool: ProcessPoolExecutor, type_: str) -> None:
    print(f"FUZZ_SEED={SEED}")
    chunks = [min(CHUNK, COUNTS[type_] - start) for start in range(0, COUNTS[type_], CHUNK)]
    hits = sum(pool.map(run, [type_] * len(chunks), chunks, range(SEED, SEED + len(chunks))))
    judged_alone = any(rule.check for rule in RULES if type_ in rule.reads)
    assert hits * LEAST_HITS > COUNTS[type_] or type_ not in MAIN or not judged_alone
