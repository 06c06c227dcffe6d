"""Where a tunnel leads."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from policies.cloudflare.destinations import DestinationOptions
from policies.cloudflare.types import PRIVATE_ROUTES
from policies.evaluate import findings, message
from policies.rule import Scope
from policies.values import UNKNOWN
from policies.workloads.tunnels import TUNNEL_CONFIGS
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.cloudflare.tunnels import FIRST, GRAFANA, SECOND, leading_to, on, rules
from tests.policies.compliant_cloudflare import ACCESS, NOT_FOUND, RULE, config, ingress, private_route

DESTINATION = (
    Case("CF-DEST", "passing", "nginx", (config(),)),
    *(
        Case("CF-DEST", "passing", f"service {service}", (leading_to(service),))
        for service in ("http://nginx", "https://nginx", "https://nginx:8443", "http://nginx:80", "http_status:503")
    ),
    Case("CF-DEST", "passing", "another host by option", (leading_to("http://proxy:8000"),),
         options={"destinations": ["proxy:8000"]}),
    Case("CF-DEST", "passing", "warp routing off", (config({"config.warpRouting": {"enabled": False}}),)),
    Case("CF-DEST", "passing", "no proxy type", (config({"config.originRequest.proxyType": ""}),)),
    Case("CF-DEST", "passing", "admin destination behind Access",
         (on("grafana.example.com", service="http://grafana:3000", originRequest={"access": ACCESS}),),
         options={"adminDestinations": ["grafana:3000"]}),
    Case("CF-DEST", "failing", "database", (leading_to("http://postgres:5432"),), (f"{FIRST}.service",)),
    Case("CF-DEST", "failing", "no service", (ingress({"hostname": "a.example.com"}),), (f"{FIRST}.service",)),
    Case("CF-DEST", "failing", "older names",
         (config({"config": {"ingressRules": [RULE | {"service": "ssh://nginx:22"}, NOT_FOUND]}},
                 type_=TUNNEL_CONFIGS[1]),),
         ("config.ingressRules[0].service",)),
    Case("CF-DEST", "failing", "first names of version 6",
         (config({"config": {"ingress": [{**RULE, "service": "ssh://nginx:22"}, NOT_FOUND]}}),),
         ("config.ingress[0].service",)),
    *(
        Case("CF-DEST", "bypass", f"service {service!r}", (leading_to(service),), (f"{FIRST}.service",))
        for service in (
            "unix:/var/run/docker.sock", "unix:nginx", "unix+tls:/run/nginx.sock", "UNIX:/run/nginx.sock",
            "ssh://nginx:22", "tcp://nginx:8080", "rdp://nginx:3389", "smb://nginx:445", "ws://nginx:8080",
            "bastion", "hello_world", "hello-world", "socks-proxy", "socks5://nginx", "ftp://nginx",
            "http://127.0.0.1:8080", "http://0x7f000001", "http://2130706433", "http://localhost", "http://0:8080",
            "http://169.254.169.254", "http://host.docker.internal", "http://gateway.docker.internal",
            "http://172.17.0.1", "http://[::1]:8080", "http://[::ffff:169.254.169.254]", "http://[nginx]",
            "HTTP://nginx:8080", "http://NGINX", "http://nginx.", "http://nginx.evil.example", "http://nginx.docker",
            "http://nginx@evil", "http://nginx:8080@evil", "http://nginx:pass@evil:80", "http://evil#@nginx",
            "http://nginx\\@evil", "http://evil/nginx", "http://nginx/", "http://nginx/admin", "http://nginx?x",
            "http://nginx#x", "http:nginx", "http:/nginx", "//nginx", "nginx:8080", "http://", "http://:8080",
            "http:// nginx", " http://nginx", "http://nginx ", "http://nginx\n", "http://nginx:8080\n", "http://%6eginx",
            "http://nginx:9113", "http://nginx:08080", "http://nginx:0", "http://nginx:80800", "http://nginx:",
            "http://nginx:\uff18\uff10", "http://\uff4eginx", "http://nginx,http://evil", "http_status:200",
            "http_status:404x",
            None, "", 0.0, True, ["http://nginx"], {"http://nginx": 1},
        )
    ),
    Case("CF-DEST", "bypass", "a later rule", (ingress(RULE, {**RULE, "service": "tcp://nats:4222"}),),
         (f"{SECOND}.service",)),
    Case("CF-DEST", "bypass", "the last rule", (rules({"service": "http://postgres"}),), (f"{FIRST}.service",)),
    Case("CF-DEST", "bypass", "under the second name of the list",
         (config({"config": {"ingresses": [RULE, NOT_FOUND], "ingressRules": [{"service": "bastion"}]}}),),
         ("config.ingressRules[0].service",)),
    Case("CF-DEST", "bypass", "bastion mode of a rule", (on("a.example.com", originRequest={"bastionMode": "true"}),),
         (f"{FIRST}.originRequest.bastionMode",)),
    Case("CF-DEST", "bypass", "bastion mode of all", (config({"config.originRequest": [{"bastionMode": True}]}),),
         ("config.originRequest.bastionMode",)),
    Case("CF-DEST", "bypass", "socks of a rule", (on("a.example.com", originRequest={"proxyType": "socks"}),),
         (f"{FIRST}.originRequest.proxyType",)),
    Case("CF-DEST", "bypass", "socks of all", (config({"config.originRequest.proxyType": "socks"}),),
         ("config.originRequest.proxyType",)),
    Case("CF-DEST", "bypass", "warp routing", (config({"config.warpRouting": {"enabled": True}}),),
         ("config.warpRouting.enabled",)),
    Case("CF-DEST", "bypass", "warp routing as text in a list", (config({"config.warpRouting": [{"enabled": "1"}]}),),
         ("config.warpRouting.enabled",)),
    *(
        Case("CF-DEST", "bypass", f"a private route {type_.rpartition(':')[2]}", (private_route(type_),), (path,))
        for type_, path in PRIVATE_ROUTES.items()
    ),
    *(
        Case("CF-DEST", "bypass", f"admin destination {what}",
             (on("grafana.example.com", service="http://grafana:3000", originRequest={"access": access}),),
             (f"{FIRST}.originRequest.access",), options={"adminDestinations": ["grafana:3000"]})
        for what, access in {
            "without Access": None,
            "with Access not required": {**ACCESS, "required": False},
            "with required unset": {key: ACCESS[key] for key in ("teamName", "audTags")},
            "with required as other text": {**ACCESS, "required": "yes"},
            "without a team": {**ACCESS, "teamName": ""},
            "with another place for the keys": {**ACCESS, "teamName": "evil.example/?"},
            "without tags": {**ACCESS, "audTags": []},
            "with empty tags": {**ACCESS, "audTags": [""]},
            "with tags as text": {**ACCESS, "audTags": 64 * "a"},
        }.items()
    ),
    Case("CF-DEST", "bypass", "Access for all, which cloudflared does not read",
         (config({"config": {"originRequest": {"access": ACCESS},
                             "ingresses": [{**GRAFANA, "service": "http://grafana:3000"}, NOT_FOUND]}}),),
         (f"{FIRST}.originRequest.access",), options={"adminDestinations": ["grafana:3000"]}),
    Case("CF-DEST", "bypass", "admin destination on another port",
         (on("grafana.example.com", service="http://grafana:3001", originRequest={"access": ACCESS}),),
         (f"{FIRST}.service",), options={"adminDestinations": ["grafana:3000"]}),
    Case("CF-DEST", "unknown", "config", (config({"config": UNKNOWN}),)),
    Case("CF-DEST", "unknown", "rules", (config({"config.ingresses": UNKNOWN}),)),
    Case("CF-DEST", "unknown", "service", (leading_to(UNKNOWN),)),
    Case("CF-DEST", "unknown", "origin request", (on("a.example.com", originRequest=UNKNOWN),)),
    Case("CF-DEST", "unknown", "proxy type", (config({"config.originRequest.proxyType": UNKNOWN}),)),
    Case("CF-DEST", "unknown", "one rule of two", (ingress(UNKNOWN, {**RULE, "service": "ssh://nginx"}),),
         (f"{SECOND}.service",)),
    Case("CF-DEST", "unknown", "tags",
         (on("grafana.example.com", service="http://grafana:3000",
             originRequest={"access": {**ACCESS, "audTags": UNKNOWN}}),),
         options={"adminDestinations": ["grafana:3000"]}),
)  # fmt: skip


def test_a_password_in_a_service_is_hidden() -> None:
    resource = leading_to("http://nginx:hunter2@evil")
    found = run(Case("CF-DEST", "failing", "", (resource,), (f"{FIRST}.service",)))
    assert message(rule_of("CF-DEST"), found[0], resource).startswith(
        f'{FIRST}.service is "http://[hidden]@evil". Allowed: http:// or https:// to nginx, or http_status:404. Let the'
    )


# What any value at all does.

#: Forms that only one address has: anything else must not get past.
GOOD = {f"{scheme}://nginx{port}" for scheme in ("http", "https") for port in ("", ":80", ":443", ":8080", ":8443")}


@given(st.text(alphabet=st.sampled_from("http:/nginx@.80 \\#?[]%_su\n"), max_size=24) | st.text(max_size=24))
def test_only_nginx_gets_past(service: str) -> None:
    found = findings(rule_of("CF-DEST"), (leading_to(service),), Scope(DestinationOptions()))
    leads_nowhere = service.startswith("http_status:") and len(service) == len("http_status:404")
    assert bool(found) == (
        service not in GOOD and not (leads_nowhere and service[12] in "45" and service[13:].isdigit())
    )


CASES = DESTINATION


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
