"""What a Cloudflare tunnel lets in, where it leads, and who may come that way."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.cloudflare.destinations import DestinationOptions
from policies.cloudflare.types import ACCESS_POLICIES, APPLICATIONS, CONFIGS, GROUPS, PRIVATE_ROUTES, RECORDS, TUNNELS
from policies.evaluate import findings, message
from policies.resource import Resource
from policies.rule import Scope
from policies.values import UNKNOWN
from tests.generated import examples
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import UNSET, carrier, container, service
from tests.policies.compliant_cloudflare import (
    ACCESS,
    ACCOUNT,
    NOT_FOUND,
    RULE,
    TOKEN,
    TUNNEL_ID,
    access_policy,
    application,
    cloudflared,
    cloudflared_service,
    config,
    group,
    ingress,
    private_route,
    record,
    stack,
    token_file,
    tunnel,
    urn,
    warp_connector,
)

FIRST = "config.ingresses[0]"
SECOND = "config.ingresses[1]"
GRAFANA = {**RULE, "hostname": "grafana.example.com"}


def rules(*given: Any) -> Resource:
    """A config with just these ingress rules."""
    return config({"config.ingresses": list(given)})


def leading_to(service: Any, **more: Any) -> Resource:
    return ingress({**RULE, "service": service, **more})


def on(hostname: Any, **more: Any) -> Resource:
    return ingress({**RULE, "hostname": hostname, **more})


def included(*includes: Any, decision: Any = "allow") -> Resource:
    """The application for grafana.example.com with one policy."""
    return application({"policies": [{"decision": decision, "includes": list(includes)}]})


def encoded(content: Any, indent: int | None = None) -> str:
    return base64.b64encode(json.dumps(content, indent=indent).encode()).decode()


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
    Case("CF-404", "failing", "older type", (config({"config.ingresses": [RULE]}, type_=CONFIGS[1]),),
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
         (config({"config": {"ingressRules": [{**RULE, "service": "ssh://nginx:22"}, NOT_FOUND]}}, type_=CONFIGS[1]),),
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
         (config({"config": {"ingressRules": [{**RULE, "originRequest": {"noTlsVerify": True}}]}}, type_=CONFIGS[1]),),
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

#: The token in forms that cloudflared takes, or that somebody could decode.
TOKENS = {
    "plain": TOKEN,
    "without padding": TOKEN.rstrip("="),
    "with an endpoint": encoded({"a": "x", "t": TUNNEL_ID, "s": 44 * "A", "e": "fed"}),
    "in another order": encoded({"s": 44 * "A", "t": TUNNEL_ID, "a": ACCOUNT}),
    "with spaces": encoded({"a": ACCOUNT, "t": TUNNEL_ID, "s": 44 * "A"}, indent=4),
    "with capitals": encoded({"A": ACCOUNT, "T": TUNNEL_ID, "S": 44 * "A"}),
    "with line ends": "\n".join(TOKEN[start : start + 20] for start in range(0, len(TOKEN), 20)),
    "for an address": base64.urlsafe_b64encode(base64.b64decode(TOKEN)).decode(),
    "in quotes": f"'{TOKEN}'",
    "after a path": f"/run/{TOKEN}",
    "as credentials": json.dumps({"AccountTag": ACCOUNT, "TunnelSecret": 44 * "A", "TunnelID": TUNNEL_ID}),
}

SECRET = (
    Case("CF-SECRET", "passing", "token in a file", (cloudflared(), cloudflared_service(), token_file())),
    Case("CF-SECRET", "passing", "file by variable", (cloudflared({"envs": ["TUNNEL_TOKEN_FILE=/etc/token"]}),)),
    Case("CF-SECRET", "passing", "empty variable", (cloudflared({"envs": ["TUNNEL_TOKEN=", "TUNNEL_TOKEN"]}),)),
    Case("CF-SECRET", "passing", "no secret of the tunnel", (tunnel(), warp_connector({}))),
    Case("CF-SECRET", "passing", "secret that is marked",
         (tunnel({"tunnelSecret": 44 * "A"}, secret=("tunnelSecret",)), tunnel({"secret": "x"}, secret=("",)))),
    Case("CF-SECRET", "passing", "another program's token", (container({"command": ["serve", "--token", "x"]}),)),
    Case("CF-SECRET", "passing", "other base64",
         (container({"envs": [f"A={encoded({'a': 90 * 'x'})}", f"B={90 * 'a'}", f"C={encoded([90 * 'x'])}"]}),)),
    Case("CF-SECRET", "passing", "ingress", (config(),)),
    Case("CF-SECRET", "failing", "plain secret", (tunnel({"tunnelSecret": 44 * "A"}),), ("tunnelSecret",)),
    Case("CF-SECRET", "failing", "flag", (cloudflared({"command": ["tunnel", "run", "--token", TOKEN]}),),
         ("command[2]", "command[3]")),
    Case("CF-SECRET", "failing", "variable", (cloudflared({"envs": [f"TUNNEL_TOKEN={TOKEN}"]}),), ("envs[0]",)),
    Case("CF-SECRET", "failing", "service",
         (cloudflared_service({"env": {"TUNNEL_TOKEN": TOKEN}, "args": ["tunnel", "run", f"--token={TOKEN}"]}),),
         ("taskSpec.containerSpec.env.TUNNEL_TOKEN", "taskSpec.containerSpec.args[2]")),
    *(
        Case("CF-SECRET", "failing", f"older type {type_}", (tunnel({"secret": "x"}, type_=type_),), ("secret",))
        for type_ in TUNNELS
    ),
    Case("CF-SECRET", "bypass", "secret of a connector", (warp_connector({"tunnelSecret": "x"}),), ("tunnelSecret",)),
    Case("CF-SECRET", "bypass", "another property is marked",
         (tunnel({"tunnelSecret": 44 * "A"}, secret=("name", "tunnelSecretHash")),), ("tunnelSecret",)),
    *(
        Case("CF-SECRET", "bypass", f"token {what} as variable", (container({"envs": ["A=b", f"C={token}"]}),),
             ("envs[1]",))
        for what, token in TOKENS.items()
    ),
    *(
        Case("CF-SECRET", "bypass", f"token {what} as word", (container({"command": ["run", token]}),), ("command[1]",))
        for what, token in TOKENS.items()
    ),
    *(
        Case("CF-SECRET", "bypass", f"flag {' '.join(words)}", (cloudflared({"command": ["tunnel", "run", *words]}),),
             ("command[2]",))
        for words in (["-token", "x"], ["--token=x"], ["-token=x"], ["--credentials-contents", "{}"], ["--token"])
    ),
    Case("CF-SECRET", "bypass", "flag of a program by another name",
         (container({"image": "proxy:1", "command": ["tunnel", "run", "--token", "x"]}),), ("command[2]",)),
    Case("CF-SECRET", "bypass", "flag in a script",
         (container({"command": ["sh", "-c", "exec cloudflared tunnel run --token \"$(cat /etc/token)\""]}),),
         ("command[2]",)),
    Case("CF-SECRET", "bypass", "variable in a script",
         (container({"command": ["sh", "-c", "TUNNEL_TOKEN=x cloudflared tunnel run"]}),), ("command[2]",)),
    Case("CF-SECRET", "bypass", "entrypoint",
         (cloudflared({"entrypoints": ["cloudflared", "tunnel", "run", "--token", "x"], "command": []}),),
         ("entrypoints[3]",)),
    Case("CF-SECRET", "bypass", "health check",
         (cloudflared({"healthcheck.tests": ["CMD-SHELL", f"cloudflared tunnel info {TOKEN}"]}),),
         ("healthcheck.tests[1]",)),
    Case("CF-SECRET", "bypass", "label",
         (container({"labels": [{"label": "service", "value": "nginx"}, {"label": "note", "value": TOKEN}]}),),
         ("labels[1]",)),
    Case("CF-SECRET", "bypass", "name of a variable", (container({"envs": [TOKEN.rstrip("=")]}),), ("envs[0]",)),
    Case("CF-SECRET", "bypass", "value that is marked as secret",
         (cloudflared({"envs": [f"TUNNEL_TOKEN={TOKEN}"]}, secret=("envs",)),), ("envs[0]",)),
    *(
        Case("CF-SECRET", "bypass", f"variable {name}", (container({"envs": [f"{name}=x"]}),), ("envs[0]",))
        for name in ("TUNNEL_CRED_CONTENTS", "TUNNEL_API_CA_KEY", "CLOUDFLARE_API_TOKEN", "CF_API_KEY")
    ),
    Case("CF-SECRET", "bypass", "file that is not marked", (token_file(secret=()),), ("uploads[0].content",)),
    Case("CF-SECRET", "bypass", "file in base64",
         (carrier({"uploads": [{"file": "/t", "contentBase64": base64.b64encode(TOKEN.encode()).decode()}]}),),
         ("uploads[0].contentBase64",)),
    Case("CF-SECRET", "bypass", "a carrier's variable", (carrier({"envs": [f"TUNNEL_TOKEN={TOKEN}"]}),), ("envs[0]",)),
    Case("CF-SECRET", "unknown", "secret of a tunnel", (tunnel({"tunnelSecret": UNKNOWN}),)),
    Case("CF-SECRET", "unknown", "everything",
         (cloudflared(dict.fromkeys(("command", "envs", "labels", "uploads", "image"), UNKNOWN)),)),
    Case("CF-SECRET", "unknown", "one word and one variable",
         (cloudflared({"command": ["tunnel", "run", "--token", UNKNOWN], "envs": [UNKNOWN, "TUNNEL_TOKEN=x"]}),),
         ("command[2]", "envs[1]")),
    Case("CF-SECRET", "unknown", "value of a forbidden variable",
         (cloudflared_service({"env": {"TUNNEL_TOKEN": UNKNOWN}}),), ("taskSpec.containerSpec.env.TUNNEL_TOKEN",)),
    Case("CF-SECRET", "unknown", "upload", (token_file({"uploads": [UNKNOWN, {"content": UNKNOWN}]}),)),
)  # fmt: skip

SOURCE = (
    Case("CF-SRC", "passing", "remote", (tunnel(), config())),
    Case("CF-SRC", "passing", "source unset", (config({"source": UNSET}),)),
    Case("CF-SRC", "passing", "container", (cloudflared(), cloudflared_service(), token_file())),
    Case("CF-SRC", "passing", "another program", (container({"command": ["prometheus", "--config", "/x"]}),)),
    Case("CF-SRC", "passing", "what only speaks of it",
         (container({"command": ["scrape", "http://cloudflared:2000"], "envs": ["SCRAPE=cloudflared:2000"]}),)),
    *(
        Case("CF-SRC", "passing", f"command {' '.join(command)}", (cloudflared({"command": command}),))
        for command in (
            ["tunnel", "run"], ["cloudflared", "tunnel", "run"], ["/usr/local/bin/cloudflared", "tunnel", "run"],
            ["tini", "--", "cloudflared", "--no-autoupdate", "tunnel", "run", "--token-file=/etc/token"],
            ["tunnel", "--loglevel", "debug", "--metrics", "0.0.0.0:2000", "run", "--protocol", "http2", TUNNEL_ID],
            ["tunnel", "-p", "quic", "--edge-ip-version=auto", "run", "-token-file", "run"],
        )
    ),
    Case("CF-SRC", "passing", "entrypoint",
         (cloudflared({"entrypoints": ["cloudflared", "--no-autoupdate"], "command": ["tunnel", "run"]}),)),
    Case("CF-SRC", "passing", "entrypoint with an init",
         (cloudflared({"entrypoints": ["/sbin/tini", "-g", "--", "cloudflared"], "command": ["tunnel", "run"]}),)),
    Case("CF-SRC", "passing", "plain variables",
         (cloudflared({"envs": ["TUNNEL_TOKEN_FILE=/etc/token", "TUNNEL_METRICS=:2000", "TZ=UTC"]}),)),
    Case("CF-SRC", "failing", "local", (tunnel({"configSrc": "local"}),), ("configSrc",)),
    Case("CF-SRC", "failing", "unset is local", (tunnel({"configSrc": UNSET}),), ("configSrc",)),
    Case("CF-SRC", "failing", "local config", (config({"source": "local"}),), ("source",)),
    *(
        Case("CF-SRC", "failing", f"older type {type_}", (tunnel({"configSrc": UNSET}, type_=type_),), ("configSrc",))
        for type_ in TUNNELS
    ),
    *(
        Case("CF-SRC", "bypass", f"configSrc {value!r}", (tunnel({"configSrc": value}),), ("configSrc",))
        for value in ("", None, "Cloudflare", "cloudflare ", True, ["cloudflare"])
    ),
    Case("CF-SRC", "failing", "no command", (cloudflared({"command": UNSET}),), ("command",)),
    Case("CF-SRC", "failing", "no run", (cloudflared({"command": ["tunnel"]}),), ("command",)),
    Case("CF-SRC", "failing", "a quick tunnel", (cloudflared({"command": ["tunnel", "--url", "http://api:8000"]}),),
         ("command[1]",)),
    *(
        Case("CF-SRC", "bypass", f"flag {' '.join(words)}", (cloudflared({"command": ["tunnel", *words, "run"]}),),
             ("command[1]",))
        for words in (
            ["--config", "/etc/x.yml"], ["--config=/etc/x.yml"], ["-config", "/etc/x.yml"], ["--url=http://postgres"],
            ["--hello-world"], ["--unix-socket", "/var/run/docker.sock"], ["--bastion"], ["--socks5"], ["--ssh-server"],
            ["--hostname", "a.example.com"], ["--name", "x"], ["-n", "x"], ["--proxy-address", "0.0.0.0"],
            ["--edge", "evil:7844"], ["--api-url", "https://evil"], ["--cacert", "/x"], ["--management-hostname", "x"],
            ["--quick-service", "x"], ["---url=x"], ["--URL=x"], ["--f"],
        )
    ),
    *(
        Case("CF-SRC", "bypass", f"flag after run {' '.join(words)}",
             (cloudflared({"command": ["tunnel", "run", *words]}),), ("command[2]",))
        for words in (["--url", "http://postgres"], ["--config", "/x"], ["--hello-world"], ["--unix-socket=/x"])
    ),
    *(
        Case("CF-SRC", "bypass", f"command {' '.join(command)}", (cloudflared({"command": command}),), (found,))
        for command, found in (
            (["access", "tcp", "run"], "command[0]"), (["proxy-dns"], "command[0]"),
            (["service", "install"], "command[0]"), (["run", "tunnel"], "command[0]"),
            (["tunnel", "list", "run"], "command[1]"), (["version"], "command[0]"),
            (["tunnel", "--loglevel", "run"], "command"), (["Tunnel", "run"], "command[0]"),
            (["sh", "-c", "cloudflared tunnel run"], "command[0]"),
            (["/bin/sh", "cloudflared", "tunnel", "run"], "command[0]"),
            (["env", "TUNNEL_URL=http://x", "cloudflared", "tunnel", "run"], "command[0]"),
        )
    ),
    Case("CF-SRC", "bypass", "an entrypoint of another kind",
         (cloudflared({"entrypoints": ["/entrypoint.sh"], "command": ["tunnel", "run"]}),), ("entrypoints[0]",)),
    Case("CF-SRC", "bypass", "a shell as entrypoint",
         (cloudflared({"entrypoints": ["sh", "-c"], "command": ["cloudflared tunnel run --config /x"]}),),
         ("entrypoints[0]",)),
    Case("CF-SRC", "bypass", "image by another name",
         (container({"image": "proxy:1", "command": ["/opt/cloudflared", "tunnel", "--hello-world"]}),),
         ("command[2]",)),
    Case("CF-SRC", "bypass", "image and program by another name",
         (container({"image": "proxy:1", "command": ["tunnel", "run", "--config", "/x"]}),), ("command[2]",)),
    Case("CF-SRC", "bypass", "known by its variables alone",
         (container({"image": "proxy:1", "command": ["tunnel"], "envs": ["TUNNEL_URL=http://x"]}),),
         ("command", "envs[0]")),
    *(
        Case("CF-SRC", "bypass", f"variable {name}", (cloudflared({"envs": [f"{name}=x"]}),), ("envs[0]",))
        for name in ("TUNNEL_URL", "TUNNEL_HELLO_WORLD", "TUNNEL_UNIX_SOCKET", "TUNNEL_BASTION", "TUNNEL_SOCKS",
                     "TUNNEL_HOSTNAME", "TUNNEL_NAME", "TUNNEL_EDGE", "TUNNEL_API_URL", "TUNNEL_SSH_SERVER")
    ),
    Case("CF-SRC", "bypass", "variable of a service", (cloudflared_service({"env": {"TUNNEL_URL": "x"}}),),
         ("taskSpec.containerSpec.env.TUNNEL_URL",)),
    Case("CF-SRC", "bypass", "command of a service", (cloudflared_service({"args": ["tunnel"]}),),
         ("taskSpec.containerSpec.args",)),
    *(
        Case("CF-SRC", "bypass", f"config file {file}", (carrier({"uploads": [{"file": file, "content": "x"}]}),),
             ("uploads[0].file",))
        for file in ("/etc/cloudflared/config.yml", "/etc//cloudflared/./config.yaml", "/root/.cloudflared/config.yml",
                     "/usr/local/etc/cloudflared/x/../config.yml", "/home/nonroot/cloudflare-warp/config.yaml")
    ),
    Case("CF-SRC", "unknown", "configSrc", (tunnel({"configSrc": UNKNOWN}), config({"source": UNKNOWN}))),
    Case("CF-SRC", "unknown", "command", (cloudflared({"command": [UNKNOWN]}),)),
    Case("CF-SRC", "unknown", "image", (container({"image": UNKNOWN, "command": ["serve", "--config", "x"]}),)),
    Case("CF-SRC", "unknown", "a flag's value",
         (cloudflared({"command": ["tunnel", "run", "--token-file", UNKNOWN]}),)),
    Case("CF-SRC", "unknown", "what is known of the rest",
         (cloudflared({"command": [UNKNOWN, "run", "--url", UNKNOWN], "envs": [UNKNOWN, "TUNNEL_URL=x"]}),),
         ("command[2]", "envs[1]")),
    Case("CF-SRC", "unknown", "entrypoint", (cloudflared({"entrypoints": [UNKNOWN], "command": ["tunnel", "run"]}),)),
)  # fmt: skip

TEAM = access_policy(name="team")
REFERRING = {"policies": [{"id": UNKNOWN}]}
BY_TEAM = {"policies": [TEAM.urn]}
EVERYONE = {"everyone": {}}
OPEN_GROUP = group({"includes": [EVERYONE]})

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
         (config({"config": {"ingressRules": [GRAFANA, NOT_FOUND]}}, type_=CONFIGS[1]),
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
        for include in (
            {"everyone": True}, {"everyone": {}}, {"geo": {"countryCode": "DE"}},
            {"ip": {"ip": "0.0.0.0/0"}}, {"ipList": {"id": "1"}}, {"loginMethod": {"id": "1"}}, {"geos": ["DE"]},
            {"authMethod": {"authMethod": "mfa"}}, {"userRiskScore": {"userRiskScores": ["low"]}}, {"new": {}},
            {"emailDomain": {"domain": "GMail.com"}}, {"emailDomain": {"domain": "@gmail.com"}},
            {"emailDomains": ["example.com", "outlook.com"]},
        )
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

CASES = CATCH_ALL + DESTINATION + TLS + SECRET + SOURCE + ADMIN

RULE_IDS = ("CF-404", "CF-DEST", "CF-TLS", "CF-SECRET", "CF-SRC", "CF-ACCESS")


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


@pytest.mark.parametrize("rule", RULE_IDS)
def test_a_whole_tunnel_is_compliant(rule: str) -> None:
    run(Case(rule, "passing", "whole", tuple(stack())))


@pytest.mark.parametrize("case", [case for case in SECRET if case.found], ids=str)
def test_no_finding_shows_a_secret(case: Case) -> None:
    shown = "".join(f"{found.value}{found.allowed}" for found in run(case))
    assert TOKEN[:20] not in shown
    assert 44 * "A" not in shown


def test_no_command_shows_a_token() -> None:
    found = run(Case("CF-SRC", "failing", "", (cloudflared({"command": [TOKEN]}),), ("command[0]",)))
    assert found[0].value == "a tunnel's token"


def test_a_password_in_a_service_is_hidden() -> None:
    resource = leading_to("http://nginx:hunter2@evil")
    found = run(Case("CF-DEST", "failing", "", (resource,), (f"{FIRST}.service",)))
    assert message(rule_of("CF-DEST"), found[0], resource).startswith(
        f'{FIRST}.service is "http://[hidden]@evil". Allowed: http:// or https:// to nginx, or http_status:404. Let the'
    )


def test_a_hole_is_told_of_the_policy_that_has_it() -> None:
    policy = access_policy({"includes": [EVERYONE]})
    resources = (on("grafana.example.com"), application(REFERRING, dependencies=BY_TEAM), policy)
    found = run(Case("CF-ACCESS", "failing", "", resources, ("includes[0].everyone",)))
    assert [each.urn for each in found] == [policy.urn]


def test_a_hole_is_told_once() -> None:
    resources = (on("grafana.example.com"), record({"name": "grafana.example.com"}), included(EVERYONE))
    run(Case("CF-ACCESS", "failing", "", resources, ("policies[0].includes[0].everyone",)))


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


@given(
    st.fixed_dictionaries({"a": st.text(), "t": st.uuids().map(str), "s": st.binary(min_size=32).map(
        lambda secret: base64.b64encode(secret).decode())}),
    st.text(alphabet="=:,; '\"", max_size=3),
    st.sampled_from([None, 2]),
)  # fmt: skip
def test_any_token_is_found(content: dict[str, str], around: str, indent: int | None) -> None:
    resource = container({"envs": [f"ANY={around}{encoded(content, indent)}{around}"]})
    assert [each.path for each in findings(rule_of("CF-SECRET"), (resource,), Scope(DestinationOptions()))] == [
        "envs[0]"
    ]


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
