"""A tunnel answers 404 where no rule matches."""

from __future__ import annotations

from collections.abc import Sequence

from policies.values import UNKNOWN
from policies.workloads.tunnels import TUNNEL_CONFIGS
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.cloudflare.tunnels import FIRST, SECOND, rules
from tests.policies.compliant import UNSET
from tests.policies.compliant_cloudflare import NOT_FOUND, RULE, config, ingress

CATCH_ALL = (
    Case("CF-404", "passing", "last rule is a 404", (config(),)),
    Case("CF-404", "passing", "star as hostname", (rules(RULE, {**NOT_FOUND, "hostname": "*"}),)),
    Case("CF-404", "passing", "empty hostname and path", (rules({**NOT_FOUND, "hostname": "", "path": ""}),)),
    Case("CF-404", "passing", "a path that is shut", (ingress({**NOT_FOUND, "path": "^/metrics"}, RULE),)),
    Case("CF-404", "passing", "names of version 5", (config({"config": {"ingressRules": [RULE, NOT_FOUND]}}),)),
    Case("CF-404", "passing", "config as a list of one", (config({"config": [{"ingresses": [NOT_FOUND]}]}),)),
    Case("CF-404", "failing", "no rules", (config({"config.ingresses": UNSET}),), ("config.ingresses",)),
    Case("CF-404", "failing", "empty rules", (config({"config.ingresses": []}),), ("config.ingresses",)),
    Case("CF-404", "failing", "no config", (config({"config": UNSET}),), ("config.ingresses",)),
    Case("CF-404", "failing", "older type", (config({"config.ingresses": [RULE]}, type_=TUNNEL_CONFIGS[1]),),
         (f"{FIRST}.hostname", f"{FIRST}.service")),
    Case("CF-404", "failing", "last rule has a hostname", (rules({**NOT_FOUND, "hostname": "a.example.com"}),),
         (f"{FIRST}.hostname",)),
    Case("CF-404", "failing", "last rule has a path", (rules({**NOT_FOUND, "path": "/a"}),), (f"{FIRST}.path",)),
    Case("CF-404", "failing", "last rule leads to a service", (rules({"service": "http://nginx:8080"}),),
         (f"{FIRST}.service",)),
    Case("CF-404", "bypass", "a star as path matches no path", (rules({**NOT_FOUND, "path": "*"}),),
         (f"{FIRST}.path",)),
    Case("CF-404", "bypass", "wildcard as hostname", (rules({**NOT_FOUND, "hostname": "*.example.com"}),),
         (f"{FIRST}.hostname",)),
    Case("CF-404", "bypass", "404 and then everything", (rules(NOT_FOUND, {"service": "http://nginx:8080"}),),
         (f"{FIRST}.hostname", f"{SECOND}.service")),
    Case("CF-404", "bypass", "a catch-all before it", (ingress({"service": "http://nginx:8080"}),),
         (f"{FIRST}.hostname",)),
    Case("CF-404", "bypass", "a catch-all with a star before it", (ingress({**RULE, "hostname": "*", "path": ""}),),
         (f"{FIRST}.hostname",)),
    Case("CF-404", "bypass", "twice", (ingress(NOT_FOUND),), (f"{FIRST}.hostname",)),
    *(
        Case("CF-404", "bypass", f"service {service!r}", (rules({"service": service}),), (f"{FIRST}.service",))
        for service in ("http_status:200", "http_status:4040", " http_status:404", "http_status:404 ",
                        "HTTP_STATUS:404", "http_status:+404", "hello_world", "http://http_status:404", "", None, 404.0,
                        ["http_status:404"])
    ),
    Case("CF-404", "bypass", "good list under the older name",
         (config({"config": {"ingresses": [RULE], "ingressRules": [NOT_FOUND]}}),),
         (f"{FIRST}.hostname", f"{FIRST}.service")),
    Case("CF-404", "bypass", "not a rule", (rules("http_status:404"),), (f"{FIRST}.service",)),
    Case("CF-404", "unknown", "config", (config({"config": UNKNOWN}),)),
    Case("CF-404", "unknown", "rules", (config({"config.ingresses": UNKNOWN}),)),
    Case("CF-404", "unknown", "last rule", (rules(RULE, UNKNOWN),)),
    Case("CF-404", "unknown", "last hostname", (rules({**NOT_FOUND, "hostname": UNKNOWN}),)),
    Case("CF-404", "unknown", "last service", (rules({"service": UNKNOWN}),)),
    Case("CF-404", "unknown", "hostname of another", (ingress({**RULE, "hostname": UNKNOWN}),)),
    Case("CF-404", "unknown", "what is known of the others", (rules(NOT_FOUND, UNKNOWN),), (f"{FIRST}.hostname",)),
)  # fmt: skip


CASES = CATCH_ALL


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
