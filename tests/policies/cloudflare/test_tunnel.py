"""A whole tunnel, and any value in its place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.evaluate import findings
from policies.rule import Scope
from policies.values import UNKNOWN
from tests.generated import examples
from tests.policies.cases import Case, rule_of, run
from tests.policies.cloudflare.tunnels import on
from tests.policies.compliant import service
from tests.policies.compliant_cloudflare import (
    access_policy,
    application,
    cloudflared,
    cloudflared_service,
    config,
    group,
    record,
    stack,
    token_file,
    tunnel,
)

RULE_IDS = ("CF-404", "CF-DEST", "CF-TLS", "CF-SECRET", "CF-SRC", "CF-ACCESS")


@pytest.mark.parametrize("rule", RULE_IDS)
def test_a_whole_tunnel_is_compliant(rule: str) -> None:
    run(Case(rule, "passing", "whole", tuple(stack())))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.just(UNKNOWN) | st.sampled_from([
        "tunnel", "run", "--token", "http://nginx", "*", "grafana.example.com", "allow", "everyone", "uri"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.sampled_from([
        "config", "ingresses", "hostname", "service", "originRequest", "access", "policies", "includes", "everyone",
        "id", "decision", "domain", "destinations", "uri", "content", "file"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip

MAKERS = (tunnel, config, record, application, access_policy, group, cloudflared, token_file)


@settings(max_examples=examples(300))
@given(st.data())
def test_no_value_stops_a_rule(data: st.DataObject) -> None:
    resources = []
    for make in data.draw(st.lists(st.sampled_from(MAKERS), min_size=1, max_size=4)):
        names = sorted(make().properties)
        names += ["uploads", "envs", "entrypoints", "labels", "destinations", "tunnelSecret"]
        changes = data.draw(st.dictionaries(st.sampled_from(names), JSON, max_size=3))
        resources.append(make(changes))
    for rule in map(rule_of, RULE_IDS):
        found = findings(rule, (*resources, on("grafana.example.com")), Scope(rule.options()))
        assert [each for each in found if "mistake in the rule" in each.allowed] == []


def test_a_service_is_read_like_a_container() -> None:
    assert [run(Case(rule, "passing", "service", (service(), cloudflared_service()))) for rule in RULE_IDS]
