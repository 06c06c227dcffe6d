"""Hostnames for administrators are behind Cloudflare Access."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from policies.cloudflare.types import ACCESS_POLICIES, APPLICATIONS, GROUPS, RECORDS
from policies.values import UNKNOWN
from policies.workloads.tunnels import TUNNEL_CONFIGS
from tests.policies.cases import Case, of_each_rule, run, run_all
from tests.policies.cloudflare.tunnels import FIRST, GRAFANA, SECOND, included, on
from tests.policies.compliant import UNSET
from tests.policies.compliant_cloudflare import (
    ACCESS,
    NOT_FOUND,
    RULE,
    access_policy,
    application,
    config,
    group,
    ingress,
    record,
    stack,
    urn,
)

TEAM = access_policy(name="team")
REFERRING = {"policies": [{"id": UNKNOWN}]}
BY_TEAM = {"policies": [TEAM.urn]}
EVERYONE: dict[str, Any] = {"everyone": {}}
OPEN_GROUP = group({"includes": [EVERYONE]})

#: What lets in more than known people.
OPEN_INCLUDES: tuple[dict[str, Any], ...] = (
    {"everyone": True}, {"everyone": {}}, {"geo": {"countryCode": "DE"}}, {"ip": {"ip": "0.0.0.0/0"}},
    {"ipList": {"id": "1"}}, {"loginMethod": {"id": "1"}}, {"geos": ["DE"]}, {"authMethod": {"authMethod": "mfa"}},
    {"userRiskScore": {"userRiskScores": ["low"]}}, {"new": {}}, {"emailDomain": {"domain": "GMail.com"}},
    {"emailDomain": {"domain": "@gmail.com"}}, {"emailDomains": ["example.com", "outlook.com"]},
)  # fmt: skip

ADMIN = (
    Case("CF-ACCESS", "passing", "no host for administrators", tuple(stack())),
    Case("CF-ACCESS", "passing", "application", (on("grafana.example.com"), application())),
    Case("CF-ACCESS", "passing", "application for a record", (record({"name": "grafana.example.com"}), application())),
    Case("CF-ACCESS", "passing", "application by wildcard",
         (on("grafana.example.com"), application({"domain": "*.example.com"}))),
    Case("CF-ACCESS", "passing", "application for a wildcard",
         (on("*.example.com"), record({"name": "*.example.com"}), application({"domain": "*.example.com"}))),
    Case("CF-ACCESS", "passing", "application for all paths",
         (on("grafana.example.com"), application({"domain": "https://Grafana.example.com/*"}))),
    Case("CF-ACCESS", "passing", "destinations", (on("grafana.example.com"), application(
        {"domain": UNSET,
         "destinations": [{"type": "public", "uri": "a.example.com"}, {"uri": "grafana.example.com"}]}))),
    Case("CF-ACCESS", "passing", "self-hosted domains",
         (on("grafana.example.com"), application({"domain": UNSET, "selfHostedDomains": ["grafana.example.com/"]}))),
    Case("CF-ACCESS", "passing", "cloudflared demands a token",
         (on("grafana.example.com", originRequest={"access": ACCESS}), record({"name": "grafana.example.com"}))),
    Case("CF-ACCESS", "passing", "policy by reference",
         (on("grafana.example.com"), application(REFERRING, dependencies=BY_TEAM), TEAM)),
    Case("CF-ACCESS", "passing", "policy by reference, with its id",
         (on("grafana.example.com"), application({"policies": [{"id": "1"}]}, dependencies=BY_TEAM), TEAM)),
    Case("CF-ACCESS", "passing", "policy of version 5",
         (on("grafana.example.com"), application({"policies": UNSET}, type_=APPLICATIONS[1]),
          access_policy({"includes": [{"emails": ["jo@example.com"]}]}, type_=ACCESS_POLICIES[1],
                        dependencies={"applicationId": [urn(APPLICATIONS[1], "grafana")]}))),
    Case("CF-ACCESS", "passing", "policy of another stack, by option",
         (on("grafana.example.com"), application({"policies": [{"id": "1"}]})), options={"externalPolicies": ["1"]}),
    *(
        Case("CF-ACCESS", "passing", f"included {kind}", (on("grafana.example.com"), included({kind: value})))
        for kind, value in {"email": {"email": "jo@gmail.com"}, "group": {"id": "1"}, "serviceToken": {"tokenId": "1"},
                            "anyValidServiceToken": {}, "emails": ["jo@example.com"], "groups": ["1"]}.items()
    ),
    Case("CF-ACCESS", "passing", "version 5 with everyone false",
         (on("grafana.example.com"), included({"everyone": False, "emails": ["jo@example.com"], "ips": []}))),
    Case("CF-ACCESS", "passing", "nobody", (on("grafana.example.com"), included(EVERYONE, decision="deny"))),
    Case("CF-ACCESS", "passing", "bypass where no administrator goes",
         (on("tasks.example.com"), application({"domain": "tasks.example.com", "policies": [{"decision": "bypass"}]}))),
    Case("CF-ACCESS", "passing", "record that is no address", (record({"name": "admin.example.com", "type": "TXT"}),)),
    Case("CF-ACCESS", "passing", "record of a private address",
         (record({"name": "admin.example.com", "type": "A", "content": "10.0.0.1", "proxied": False}),)),
    Case("CF-ACCESS", "passing", "unproxied wildcard of other things",
         (record({"name": "*.example.com", "type": "A", "content": "93.184.216.34", "proxied": False}),)),
    Case("CF-ACCESS", "passing", "error", (ingress({**NOT_FOUND, "hostname": "grafana.example.com"}),)),
    *(
        Case("CF-ACCESS", "passing", f"hostname {host}", (on(host), record({"name": host})))
        for host in ("www.admin-tools.example", "administration.example.com", "adminton.example.com", "example.com",
                     "nationals.example.com", "natsuki.example.com", "www.grafana.com", "debug.example.com")
    ),
    Case("CF-ACCESS", "passing", "own words", (on("grafana.example.com"),), options={"adminHosts": ["office"]}),
    Case("CF-ACCESS", "failing", "no application", (on("grafana.example.com"),), (f"{FIRST}.hostname",)),
    Case("CF-ACCESS", "failing", "record", (record({"name": "admin.example.com"}),), ("name",)),
    Case("CF-ACCESS", "failing", "older types",
         (config({"config": {"ingressRules": [GRAFANA, NOT_FOUND]}}, type_=TUNNEL_CONFIGS[1]),
          record({"name": "admin", "content": UNSET, "value": "93.184.216.34"}, type_=RECORDS[1])),
         ("config.ingressRules[0].hostname", "name")),
    Case("CF-ACCESS", "failing", "application for another host",
         (on("grafana.example.com"), application({"domain": "loki.example.com"})), (f"{FIRST}.hostname",)),
    Case("CF-ACCESS", "failing", "no policies", (on("grafana.example.com"), application({"policies": []})),
         (f"{FIRST}.hostname",)),
    Case("CF-ACCESS", "failing", "bypass", (on("grafana.example.com"), included(EVERYONE, decision="bypass")),
         ("policies[0].decision",)),
    Case("CF-ACCESS", "failing", "everyone", (on("grafana.example.com"), included(EVERYONE)),
         ("policies[0].includes[0].everyone",)),
    Case("CF-ACCESS", "failing", "own words and patterns", (ingress(
        *({**RULE, "hostname": host} for host in ("office.example.com", "a.corp.example.com", "b.example.com"))),),
         (f"{FIRST}.hostname", f"{SECOND}.hostname"), options={"adminHosts": ["office", "*.CORP.example.com"]}),
    *(
        Case("CF-ACCESS", "bypass", f"hostname {host!r}", (on(host),), (f"{FIRST}.hostname",))
        for host in ("GRAFANA.example.com", " grafana.example.com", "grafana.example.com.", "grafana2.example.com",
                     "grafana-prod.example.com", "my-grafana.example.com", "ops.grafana.example.com", "grafana_1.a.b.c",
                     "\uff47rafana.example.com", "grafana\u3002example\u3002com", "*.example.com",
                     "admin.example.co.uk", "nats.example.com", "prometheus.example.com", "alertmanager.example.com")
    ),
    *(
        Case("CF-ACCESS", "bypass", f"any hostname, by {host!r} with a path", (on(host, path="^/d/"),),
             (f"{FIRST}.hostname",))
        for host in ("*", "", None)
    ),
    *(
        Case("CF-ACCESS", "bypass", f"record {host!r}", (record({"name": host}),), ("name",))
        for host in ("Admin", "grafana", "grafana.ops", "admin.example.com.", "*", "*.example.com")
    ),
    Case("CF-ACCESS", "bypass", "proxied as text", (record({"name": "admin.example.com", "proxied": "true"}),),
         ("name",)),
    Case("CF-ACCESS", "bypass", "unproxied to the tunnel", (record({"name": "admin.example.com", "proxied": False}),),
         ("name",)),
    Case("CF-ACCESS", "bypass", "around the proxy, with an application",
         (record({"name": "grafana.example.com", "type": "A", "content": "93.184.216.34", "proxied": False}),
          application()), ("proxied",)),
    Case("CF-ACCESS", "bypass", "around the proxy by name",
         (record({"name": "grafana.example.com", "content": "host.example.net", "proxied": UNSET}), application()),
         ("proxied",)),
    Case("CF-ACCESS", "bypass", "another host to nginx",
         (on("tasks.example.com", originRequest={"httpHostHeader": "grafana.example.com"}),),
         (f"{FIRST}.originRequest.httpHostHeader",)),
    Case("CF-ACCESS", "bypass", "another host to nginx, for all",
         (config({"config.originRequest.httpHostHeader": "grafana.internal:3000"}),),
         ("config.originRequest.httpHostHeader",)),
    Case("CF-ACCESS", "bypass", "Access for all, which cloudflared does not read",
         (config({"config": {"originRequest": {"access": ACCESS}, "ingresses": [GRAFANA, NOT_FOUND]}}),),
         (f"{FIRST}.hostname",)),
    Case("CF-ACCESS", "bypass", "a token for one path only",
         (ingress({**GRAFANA, "path": "/d", "originRequest": {"access": ACCESS}}, GRAFANA),
          record({"name": "grafana.example.com"})), (f"{SECOND}.hostname", "name")),
    Case("CF-ACCESS", "bypass", "application for a path", (on("grafana.example.com"),
         application({"domain": "grafana.example.com/login"})), (f"{FIRST}.hostname",)),
    Case("CF-ACCESS", "bypass", "application for one label only",
         (on("grafana.ops.example.com"), application({"domain": "*.example.com"})), (f"{FIRST}.hostname",)),
    Case("CF-ACCESS", "bypass", "application for a part of the wildcard",
         (on("*.example.com"), application({"domain": "graf*.example.com"})), (f"{FIRST}.hostname",)),
    Case("CF-ACCESS", "bypass", "domain that the destinations set aside",
         (on("grafana.example.com"), application({"destinations": [{"type": "public", "uri": "a.example.com"}]})),
         (f"{FIRST}.hostname",)),
    Case("CF-ACCESS", "bypass", "private destination", (on("grafana.example.com"),
         application({"destinations": [{"type": "private", "uri": "grafana.example.com"}]})), (f"{FIRST}.hostname",)),
    Case("CF-ACCESS", "bypass", "bookmark", (on("grafana.example.com"), application({"type": "bookmark"})),
         (f"{FIRST}.hostname",)),
    Case("CF-ACCESS", "bypass", "bypass beside a good policy", (on("grafana.example.com"), application({"policies": [
        {"decision": "allow", "includes": [{"group": {"id": "1"}}]}, {"decision": "Bypass", "includes": [EVERYONE]}]})),
         ("policies[1].decision",)),
    Case("CF-ACCESS", "bypass", "bypass of a path by another application",
         (on("grafana.example.com"), application(), application(
             {"domain": "grafana.example.com/api", "policies": [{"decision": "bypass"}]}, name="api")),
         ("policies[0].decision",)),
    *(
        Case("CF-ACCESS", "bypass", f"includes {json.dumps(include)}",
             (on("grafana.example.com"), included({"email": {"email": "jo@example.com"}}, include)),
             (f"policies[0].includes[1].{next(iter(include))}",))
        for include in OPEN_INCLUDES
    ),
    Case("CF-ACCESS", "bypass", "non-identity for everyone",
         (on("grafana.example.com"), included(EVERYONE, decision="non_identity")),
         ("policies[0].includes[0].everyone",)),
    Case("CF-ACCESS", "bypass", "no decision", (on("grafana.example.com"), included({"group": {}}, decision=None)),
         ("policies[0].decision",)),
    Case("CF-ACCESS", "bypass", "everyone but with a requirement that everyone meets",
         (on("grafana.example.com"), application({"policies": [
             {"decision": "allow", "includes": [EVERYONE], "requires": [EVERYONE]}]})),
         ("policies[0].includes[0].everyone",)),
    Case("CF-ACCESS", "bypass", "open policy by reference",
         (on("grafana.example.com"), application(REFERRING, dependencies=BY_TEAM),
          access_policy({"includes": [EVERYONE]})),
         ("includes[0].everyone",)),
    Case("CF-ACCESS", "bypass", "open policy of version 5",
         (on("grafana.example.com"), application({"policies": []}, type_=APPLICATIONS[1]),
          access_policy({"decision": "bypass"}, type_=ACCESS_POLICIES[1],
                        dependencies={"applicationId": [urn(APPLICATIONS[1], "grafana")]})),
         ("decision",)),
    Case("CF-ACCESS", "bypass", "everyone in a group",
         (on("grafana.example.com"), application(REFERRING, dependencies=BY_TEAM),
          access_policy({"includes": [{"group": {"id": UNKNOWN}}]}, dependencies={"includes": [OPEN_GROUP.urn]}),
          OPEN_GROUP),
         ("includes[0].everyone",)),
    Case("CF-ACCESS", "bypass", "everyone in a group of a group",
         (on("grafana.example.com"),
          application({"policies": [{"decision": "allow", "includes": [{"groups": [UNKNOWN]}]}]},
                      dependencies={"policies": [urn(GROUPS[1], "outer")]}),
          group({"includes": [{"groups": ["1"]}]}, type_=GROUPS[1], name="outer",
                dependencies={"includes": [OPEN_GROUP.urn, urn(GROUPS[1], "outer")]}), OPEN_GROUP),
         ("includes[0].everyone",)),
    Case("CF-ACCESS", "bypass", "a policy that nobody here wrote",
         (on("grafana.example.com"), application({"policies": [{"id": "1"}]})), ("policies",)),
    Case("CF-ACCESS", "bypass", "a policy that nobody here wrote beside one of this stack",
         (on("grafana.example.com"), application({"policies": [{"id": "1"}, "2"]}, dependencies=BY_TEAM), TEAM),
         ("policies",)),
    Case("CF-ACCESS", "bypass", "a good policy that belongs to no application",
         (on("grafana.example.com"), application({"policies": []}), TEAM), (f"{FIRST}.hostname",)),
    Case("CF-ACCESS", "unknown", "hostname", (on(UNKNOWN), record({"name": UNKNOWN}))),
    Case("CF-ACCESS", "unknown", "record's type and content",
         (record({"name": "admin.example.com", "type": UNKNOWN, "content": UNKNOWN, "proxied": False}),)),
    Case("CF-ACCESS", "unknown", "proxied",
         (record({"name": "admin", "content": "93.184.216.34", "proxied": UNKNOWN}),)),
    Case("CF-ACCESS", "unknown", "type, of a proxied record", (record({"name": "admin", "type": UNKNOWN}),), ("name",)),
    Case("CF-ACCESS", "unknown", "application's domain", (on("grafana.example.com"), application({"domain": UNKNOWN}))),
    Case("CF-ACCESS", "unknown", "application's destinations",
         (on("grafana.example.com"), application({"destinations": [UNKNOWN], "type": UNKNOWN}))),
    *(
        Case("CF-ACCESS", "unknown", f"policies {what}",
             (on("grafana.example.com"), application({"policies": policies})))
        for what, policies in {
            "all": UNKNOWN, "one": [UNKNOWN], "an id": [{"id": UNKNOWN}], "a decision": [{"decision": UNKNOWN}],
            "includes": [{"decision": "allow", "includes": UNKNOWN}],
            "an include": [{"decision": "allow", "includes": [UNKNOWN]}],
            "everyone": [{"decision": "allow", "includes": [{"everyone": UNKNOWN}]}],
            "a group": [{"decision": "allow", "includes": [{"group": UNKNOWN}]}],
        }.items()
    ),
    Case("CF-ACCESS", "unknown", "a hole beside an unknown policy",
         (on("grafana.example.com"), application({"policies": [UNKNOWN, {"decision": "bypass"}]})),
         ("policies[1].decision",)),
    Case("CF-ACCESS", "unknown", "a rule beside a known one", (ingress(UNKNOWN, GRAFANA),), (f"{SECOND}.hostname",)),
)  # fmt: skip


def test_a_hole_is_told_of_the_policy_that_has_it() -> None:
    policy = access_policy({"includes": [EVERYONE]})
    resources = (on("grafana.example.com"), application(REFERRING, dependencies=BY_TEAM), policy)
    found = run(Case("CF-ACCESS", "failing", "", resources, ("includes[0].everyone",)))
    assert [each.urn for each in found] == [policy.urn]


def test_a_hole_is_told_once() -> None:
    resources = (on("grafana.example.com"), record({"name": "grafana.example.com"}), included(EVERYONE))
    run(Case("CF-ACCESS", "failing", "", resources, ("policies[0].includes[0].everyone",)))


CASES = ADMIN


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
