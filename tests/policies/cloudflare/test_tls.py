"""A tunnel verifies the certificates of its destinations."""

from __future__ import annotations

from collections.abc import Sequence

from policies.values import UNKNOWN
from policies.workloads.tunnels import TUNNEL_CONFIGS
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.cloudflare.tunnels import FIRST, SECOND, on, rules
from tests.policies.compliant import container
from tests.policies.compliant_cloudflare import NOT_FOUND, RULE, cloudflared, cloudflared_service, config, ingress

TLS = (
    Case("CF-TLS", "passing", "verified", (config(),)),
    Case("CF-TLS", "passing", "own CA", (on("a.example.com", service="https://nginx:8443", originRequest={
        "caPool": "/etc/tasktracker/ca.pem", "originServerName": "nginx", "http2Origin": True}),)),
    Case("CF-TLS", "passing", "matched name", (on("a.example.com", originRequest={"matchSnItoHost": True}),)),
    Case("CF-TLS", "passing", "container", (cloudflared(), cloudflared_service())),
    Case("CF-TLS", "passing", "flag that is off",
         (cloudflared({"command": ["tunnel", "run", "--no-tls-verify=false"], "envs": ["NO_TLS_VERIFY=false"]}),)),
    Case("CF-TLS", "passing", "another program's variable", (container({"envs": ["NO_TLS_VERIFY=1"]}),)),
    Case("CF-TLS", "failing", "for all", (config({"config.originRequest.noTlsVerify": True}),),
         ("config.originRequest.noTlsVerify",)),
    Case("CF-TLS", "failing", "for a rule", (on("a.example.com", originRequest={"noTlsVerify": True}),),
         (f"{FIRST}.originRequest.noTlsVerify",)),
    Case("CF-TLS", "failing", "older names",
         (config({"config": {"ingressRules": [RULE | {"originRequest": {"noTlsVerify": True}}]}},
                 type_=TUNNEL_CONFIGS[1]),),
         ("config.ingressRules[0].originRequest.noTlsVerify",)),
    Case("CF-TLS", "failing", "flag", (cloudflared({"command": ["tunnel", "run", "--no-tls-verify"]}),),
         ("command[2]",)),
    Case("CF-TLS", "failing", "variable", (cloudflared({"envs": ["NO_TLS_VERIFY=true"]}),), ("envs[0]",)),
    Case("CF-TLS", "failing", "service", (cloudflared_service({"env": {"NO_TLS_VERIFY": "1"}}),),
         ("taskSpec.containerSpec.env.NO_TLS_VERIFY",)),
    Case("CF-TLS", "bypass", "text", (config({"config.originRequest.noTlsVerify": "True"}),),
         ("config.originRequest.noTlsVerify",)),
    Case("CF-TLS", "bypass", "number", (on("a.example.com", originRequest={"noTlsVerify": 1.0}),),
         (f"{FIRST}.originRequest.noTlsVerify",)),
    Case("CF-TLS", "bypass", "in a list of one", (on("a.example.com", originRequest=[{"noTlsVerify": True}]),),
         (f"{FIRST}.originRequest.noTlsVerify",)),
    Case("CF-TLS", "bypass", "for all, and verified for the one rule that there is",
         (config({"config": {"originRequest": {"noTlsVerify": True},
                             "ingresses": [{**RULE, "originRequest": {"noTlsVerify": False}}, NOT_FOUND]}}),),
         ("config.originRequest.noTlsVerify",)),
    Case("CF-TLS", "bypass", "on the last rule", (rules({**NOT_FOUND, "originRequest": {"noTlsVerify": True}}),),
         (f"{FIRST}.originRequest.noTlsVerify",)),
    *(
        Case("CF-TLS", "bypass", f"flag {word!r}", (cloudflared({"command": ["tunnel", "run", word]}),),
             ("command[2]",))
        for word in ("-no-tls-verify", "--no-tls-verify=true", "--no-tls-verify=1", "-no-tls-verify=T")
    ),
    Case("CF-TLS", "bypass", "in a shell's script",
         (cloudflared({"command": ["sh", "-c", "cloudflared tunnel --no-tls-verify run"]}),), ("command[2]",)),
    Case("CF-TLS", "bypass", "in the entrypoint",
         (cloudflared({"entrypoints": ["cloudflared", "tunnel", "--no-tls-verify"], "command": ["run"]}),),
         ("entrypoints[2]",)),
    Case("CF-TLS", "bypass", "image by another name",
         (cloudflared({"image": "proxy:1", "command": ["cloudflared", "tunnel", "run", "--no-tls-verify"]}),),
         ("command[3]",)),
    Case("CF-TLS", "unknown", "setting", (config({"config.originRequest.noTlsVerify": UNKNOWN}),)),
    Case("CF-TLS", "unknown", "origin request", (config({"config.originRequest": UNKNOWN}),)),
    Case("CF-TLS", "unknown", "one rule of two",
         (ingress(UNKNOWN, {**RULE, "originRequest": {"noTlsVerify": True}}),),
         (f"{SECOND}.originRequest.noTlsVerify",)),
    Case("CF-TLS", "unknown", "words and variables",
         (cloudflared({"command": ["tunnel", UNKNOWN, "--no-tls-verify"], "envs": [UNKNOWN]}),), ("command[2]",)),
    Case("CF-TLS", "unknown", "variable's value", (cloudflared_service({"env": {"NO_TLS_VERIFY": UNKNOWN}}),)),
)  # fmt: skip


CASES = TLS


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
