"""Each mandatory rule has a bad change that the end-to-end tests try on the real engine."""

from __future__ import annotations

from policies.registry import RULES
from policies.rule import Level
from tests.e2e.policies import test_clouds as clouds
from tests.e2e.policies import test_docker as docker

MANDATORY = [rule for rule in RULES if Level.MANDATORY in (rule.level, rule.staging_level, rule.production_level)]


def test_each_mandatory_rule_about_docker_is_tried() -> None:
    about = {
        rule.id
        for rule in MANDATORY
        if any(type_.startswith("docker:") for type_ in rule.reads) and not rule.id.startswith("CF-")
    }
    assert about == set(docker.BAD)


def test_each_mandatory_rule_about_the_clouds_is_tried() -> None:
    about = {rule.id for rule in MANDATORY if any(type_.startswith(("aws:", "cloudflare:")) for type_ in rule.reads)}
    # What is about containers beside a tunnel is tried there.
    assert about - set(docker.BAD) == set(clouds.BAD)
