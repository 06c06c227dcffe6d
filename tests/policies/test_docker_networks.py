"""What the host publishes, and which networks containers are on."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import components
from policies.docker.monitoring.findings import MonitoringOptions
from policies.docker.network.known_ports import MONITORING_PORTS
from policies.docker.network.ports import TUNNEL_CONFIGS, TUNNELS, PortOptions
from policies.evaluate import REDACTED, findings, message
from policies.proxies.destinations import SHARED_PORTS
from policies.proxies.leads import proxied_ports
from policies.resource import Resource
from policies.rule import Scope
from policies.values import UNKNOWN
from policies.workloads.uploads import SECRET, SERVICE_CONFIG
from tests.generated import examples
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import UNSET, carrier, container, make, network, service

SPEC = "taskSpec.containerSpec"
PORTS = "endpointSpec.ports"
NETWORKS = "taskSpec.networksAdvanceds"
TEMPLATES = sorted((Path(components.__file__).parent / "templates").glob("*.j2"))


def port(**changes: Any) -> dict[str, Any]:
    return {"internal": 8080.0, "external": 8080.0, "ip": "127.0.0.1", "protocol": "tcp", **changes}


def labels(*services: Any) -> list[dict[str, Any]]:
    return [{"label": "stack", "value": "prod"}, *({"label": "service", "value": each} for each in services)]


def nginx(**changes: Any) -> tuple[Resource]:
    """The publisher, with a change to its port."""
    return (container({"ports": [port(**changes)]}),)


def other(service_name: str, *ports: Any, **changes: Any) -> Resource:
    """Another service that publishes."""
    return container({"ports": list(ports), "labels": labels(service_name), **changes}, name=service_name)


def in_swarm(*ports: Any, **changes: Any) -> tuple[Resource]:
    return (service({PORTS: list(ports), **changes}),)


def upload(content: Any, key: str = "content", file: str = "/etc/tasktracker/nginx.conf") -> tuple[Resource]:
    return (carrier({"uploads": [{"file": file, key: content}]}),)


def encoded(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def tunnel(type_: str = TUNNELS[0]) -> Resource:
    return make(type_, {"name": "tasktracker"}, name="tunnel")


def tunnel_config(service_url: Any, type_: str = TUNNEL_CONFIGS[0], key: str = "ingresses") -> tuple[Resource]:
    rules = [{"hostname": "x.example.com", "service": service_url}, {"service": "http_status:404"}]
    return (make(type_, {"config": {key: rules}}, name="tunnel-config"),)


QUIET = container({"ports": []})

#: What the committed dev stack publishes beside nginx.
DEV_PORTS = (
    other("postgres", port(internal=5432.0, external=15432.0)),
    other("nats", port(internal=4222.0, external=14222.0), port(internal=8222.0, external=18222.0)),
)

#: Addresses that are every interface's, or that Docker can't read and takes for that.
EVERY_INTERFACE = (
    None, "", "0.0.0.0", "::", "[::]", "0", "0x0", "0:0:0:0:0:0:0:0", "::0", "::ffff:0.0.0.0", "::ffff:0:0", " ", "*",
    " 127.0.0.1", "127.0.0.1 ", "127.0.0.1\n", "127.1", "0127.0.0.1", "2130706433", "localhost", "[::1]", "::1%lo",
    "${IP}", "127.0.0.1/8", "\u0661\u0662\u0667.0.0.1", 0, 127, True, [], ["127.0.0.1"], {},
)  # fmt: skip

PORT_CASES = (
    Case("DKR-PORT", "passing", "compliant", (container(), carrier(), service())),
    *(
        Case("DKR-PORT", "passing", f"address {address}", nginx(ip=address))
        for address in ("192.0.2.10", "::1", "2001:db8::1", "::ffff:192.0.2.10")
    ),
    Case("DKR-PORT", "passing", "web ports", (container({"ports": [port(external=80), port(external="443")]}),)),
    Case("DKR-PORT", "passing", "no ports", (container({"ports": UNSET}), container({"ports": None}))),
    Case("DKR-PORT", "passing", "another publisher", (other("proxy", port()),), options={"publishers": ["proxy"]}),
    Case("DKR-PORT", "passing", "every interface if allowed", nginx(ip="0.0.0.0"), options={"addresses": ["0.0.0.0"]}),
    Case("DKR-PORT", "passing", "unset if it is allowed", nginx(ip=None), options={"addresses": ["0.0.0.0"]}),
    Case("DKR-PORT", "passing", "every one of IPv6 if allowed", nginx(ip="::0"), options={"addresses": ["::"]}),
    Case(
        "DKR-PORT", "passing", "swarm if every interface is allowed",
        in_swarm({"targetPort": 8080.0, "publishedPort": 443.0}), options={"addresses": ["0.0.0.0"]},
    ),
    Case("DKR-PORT", "passing", "the dev stack", (container(), *DEV_PORTS), environment="dev"),
    Case("DKR-PORT", "passing", "debugging on IPv6", (other("nats", port(ip="::1")),), environment="dev"),
    Case("DKR-PORT", "failing", "another service", (other("postgres", port()),), ("ports[0]",)),
    Case("DKR-PORT", "failing", "another service in staging", (other("postgres", port()),), ("ports[0]",),
         environment="staging"),
    Case("DKR-PORT", "failing", "the dev stack in prod", DEV_PORTS, ("ports[0]", "ports[0]", "ports[1]")),
    Case("DKR-PORT", "failing", "every service in swarm", in_swarm({"targetPort": 8080, "publishedPort": 8080}),
         (f"{PORTS}[0]",)),
    *(
        Case("DKR-PORT", "bypass", f"address {address!r}", nginx(ip=address), ("ports[0].ip",))
        for address in EVERY_INTERFACE
    ),
    *(
        Case("DKR-PORT", "bypass", f"address {address!r} in dev", nginx(ip=address), ("ports[0].ip",),
             environment="dev")
        for address in EVERY_INTERFACE
    ),
    *(
        Case("DKR-PORT", "bypass", f"debugging at {address!r}", (other("nats", port(ip=address)),), ("ports[0]",),
             environment="dev")
        for address in (*EVERY_INTERFACE, "192.0.2.10")
    ),
    Case("DKR-PORT", "bypass", "IPv6 where IPv4 is allowed", nginx(ip="::"), ("ports[0].ip",),
         options={"addresses": ["0.0.0.0"]}),
    Case("DKR-PORT", "bypass", "unreadable where all are allowed", nginx(ip="0"), ("ports[0].ip",),
         options={"addresses": ["0.0.0.0", "::"]}),
    Case("DKR-PORT", "bypass", "no debugging", (other("nats", port()),), ("ports[0]",), environment="dev",
         options={"loopbackInDevelopment": False}),
    *(
        Case("DKR-PORT", "bypass", f"external {external!r}", nginx(external=external), ("ports[0].external",))
        for external in (None, 0, "0", -1, 0.4, 65536, 1e300, "", "8000-8010", "http", [8080], {}, True, float("nan"),
                         22, 25, 1023, "443.9x")
    ),
    Case("DKR-PORT", "bypass", "random port in dev", (other("nats", port(external=None)),), ("ports[0].external",),
         environment="dev"),
    Case("DKR-PORT", "bypass", "random port in swarm", in_swarm({"targetPort": 8080.0}),
         (f"{PORTS}[0].publishedPort",), options={"addresses": ["0.0.0.0"]}),
    Case("DKR-PORT", "bypass", "host mode in swarm",
         in_swarm({"targetPort": 8080.0, "publishedPort": 8080.0, "publishMode": "host"}), (f"{PORTS}[0]",)),
    Case("DKR-PORT", "bypass", "endpoint in a list of one", (service({"endpointSpec": [{"ports": [{}]}]}),),
         (f"{PORTS}[0]", f"{PORTS}[0].publishedPort")),
    *(
        Case("DKR-PORT", "bypass", f"all ports by {value!r}", (container({"publishAllPorts": value}),),
             ("publishAllPorts",))
        for value in (True, "true", "T", 1)
    ),
    Case("DKR-PORT", "bypass", "all ports in dev", (container({"publishAllPorts": True}),), ("publishAllPorts",),
         environment="dev"),
    Case("DKR-PORT", "bypass", "no label", (container({"labels": []}),), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "two labels", (container({"labels": labels("postgres", "nginx")}),), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "two labels the other way", (container({"labels": labels("nginx", "postgres")}),),
         ("ports[0]",)),
    Case("DKR-PORT", "bypass", "label in capitals", (container({"labels": labels("Nginx")}),), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "label with white space", (container({"labels": labels("nginx ")}),), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "labels of a service and of its containers differ",
         in_swarm({"targetPort": 8080.0, "publishedPort": 8080.0}, labels=labels("postgres")), (f"{PORTS}[0]",)),
    Case("DKR-PORT", "bypass", "one port of two", (container({"ports": [port(), port(ip="::")]}),), ("ports[1].ip",)),
    # With a tunnel.
    Case("DKR-PORT", "passing", "tunnel alone", (QUIET, tunnel())),
    Case("DKR-PORT", "passing", "tunnel and debugging", (QUIET, *DEV_PORTS, tunnel()), environment="dev"),
    Case("DKR-PORT", "failing", "tunnel and a port", (container(), tunnel()), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "older tunnel", (tunnel(TUNNELS[1]), container()), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "tunnel's container", (container(), other("cloudflared")), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "tunnel's container by its image",
         (container(), other("sidecar", image="docker.io/cloudflare/cloudflared:2025.1.0")), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "tunnel's container by an option", (container(), other("way-out")), ("ports[0]",),
         options={"tunnelServices": ["way-out"]}),
    Case("DKR-PORT", "bypass", "tunnel's service",
         (service({"labels": labels("cloudflared")}), container()), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "tunnel and a swarm port",
         (tunnel(), *in_swarm({"targetPort": 8080.0, "publishedPort": 443.0})), (f"{PORTS}[0]",),
         options={"addresses": ["0.0.0.0"]}),
    Case("DKR-PORT", "bypass", "tunnel and a port on the LAN in dev", (*nginx(ip="192.0.2.10"), tunnel()),
         ("ports[0]",), environment="dev"),
    # Unknown.
    Case("DKR-PORT", "unknown", "ports", (container({"ports": UNKNOWN, "publishAllPorts": UNKNOWN}), tunnel())),
    Case("DKR-PORT", "unknown", "one port of two", (container({"ports": [UNKNOWN, port(ip="")]}),), ("ports[1].ip",)),
    Case("DKR-PORT", "unknown", "address", nginx(ip=UNKNOWN)),
    Case("DKR-PORT", "unknown", "address of a debug port", (other("nats", port(ip=UNKNOWN)),), environment="dev"),
    Case("DKR-PORT", "unknown", "address of another service's", (other("nats", port(ip=UNKNOWN)),), ("ports[0]",)),
    Case("DKR-PORT", "unknown", "external", nginx(external=UNKNOWN, ip="::"), ("ports[0].ip",)),
    Case("DKR-PORT", "unknown", "labels", (container({"labels": UNKNOWN}),)),
    Case("DKR-PORT", "unknown", "one label", (container({"labels": [UNKNOWN]}),)),
    Case("DKR-PORT", "unknown", "label's value", (container({"labels": labels(UNKNOWN)}),)),
    Case("DKR-PORT", "unknown", "label of another service", (container({"labels": [*labels("nats"), UNKNOWN]}),),
         ("ports[0]",)),
    Case("DKR-PORT", "unknown", "service", (service({"endpointSpec": UNKNOWN, "taskSpec": UNKNOWN}),)),
)  # fmt: skip

PROXY = "http { server { location /x/ { %s } } }"

#: Proxies' files that lead to a monitoring port.
PROXIED = {
    "nginx": PROXY % "proxy_pass http://nats:8222;",
    "with a path": PROXY % "proxy_pass http://nats:8222/varz;",
    "with a variable behind": PROXY % "proxy_pass http://nats:8222$request_uri;",
    "in quotes": PROXY % 'proxy_pass "http://nats:8222";',
    "in single quotes": PROXY % "proxy_pass 'http://nats:8222';",
    "over lines": PROXY % "proxy_pass\n\thttp://nats:8222\n;",
    "behind a comment": PROXY % "proxy_pass # to nats;\n http://nats:8222;",
    "behind a quoted comment": PROXY % "add_header X '# no'; proxy_pass http://nats:8222;",
    "without white space": "location /{proxy_pass http://nats:8222;}",
    "leading zeros": PROXY % "proxy_pass http://nats:08222;",
    "https": PROXY % "proxy_pass HTTPS://nats:8222;",
    "IPv4": PROXY % "proxy_pass http://172.20.1.4:8222;",
    "IPv6": PROXY % "proxy_pass http://[fd00::4]:8222;",
    "stream": "stream { server { listen 443; proxy_pass nats:8222; } }",
    "grpc": PROXY % "grpc_pass grpc://nats:8222;",
    "fastcgi": PROXY % "fastcgi_pass nats:8222;",
    "uwsgi": PROXY % "uwsgi_pass nats:8222;",
    "upstream": "upstream x { server api:8000; server nats:8222 max_fails=0; }",
    "upstream without white space": "upstream x{server nats:8222;}",
    "set alone": "set $nats nats:8222;",
    "set and used": PROXY % "set $to nats:8222; proxy_pass http://$to;",
    "port set": PROXY % "set $port 8222; proxy_pass http://nats:$port;",
    "port set with braces": PROXY % "set $port 8222; proxy_pass http://nats:${port}/;",
    "port in pieces": PROXY % "set $a 82; set $b 22; proxy_pass http://nats:$a$b;",
    "port in pieces of two sides": PROXY % "set $a nats:82; proxy_pass http://${a}22;",
    "variable of a variable": PROXY % "set $a 8222; set $b nats:$a; proxy_pass http://$b;",
    "set twice": PROXY % "set $p 8000; if ($arg_x) { set $p 8222; } proxy_pass http://nats:$p;",
    "map": "map $host $to { default api:8000; x.example nats:8222; } " + PROXY % "proxy_pass http://$to;",
    "geo": "geo $to { default api:8000; 10.0.0.0/8 nats:8222; } " + PROXY % "proxy_pass http://$to;",
    "haproxy": "backend x\n  server one nats:8222 check\n",
    "caddy": "x.example.com {\n  reverse_proxy /x/* nats:8222\n}",
    "apache": 'ProxyPass "/x" "http://nats:8222/"\n',
    "cloudflared": "ingress:\n  - hostname: x.example.com\n    service: http://nats:8222\n",
    "cloudflared in a list": "ingress:\n- service: http://nats:8222\n",
}

#: Files that name a monitoring port and lead nobody there.
HARMLESS = {
    "nats": 'http: "0.0.0.0:8222"\nserver_name: "nats"\n',
    "nats with http_port": "http_port: 8222\n",
    "scraping": 'scrape_configs: [{job_name: nats, static_configs: [{targets: ["nats:7777", "node:9100"]}]}]\n',
    "data source": "datasources:\n  - name: Prometheus\n    url: http://prometheus:9090\n",
    "grafana": "[server]\nhttp_port = 3000\nroot_url = https://x.example.com:3000/\n",
    "comment": "# proxy_pass http://nats:8222;\nserver { listen 8080; }",
    "quoted": PROXY % "add_header X 'proxy_pass http://nats:8222;'; proxy_pass http://api;",
    "listening": "server { listen 3000; location / { proxy_pass http://api:8000; } }",
    "redirect": PROXY % "return 301 https://x.example.com:3000$request_uri;",
    "origin": "map $http_origin $cors { 'http://localhost:3000' 'http://localhost:3000'; } "
    "map $http_host $upstream { default api:8000; } " + PROXY % "proxy_pass http://$upstream;",
    "part of another port": PROXY % "proxy_pass http://api:18222; proxy_pass http://api:82220;",
    "path that looks like one": PROXY % "proxy_pass http://api:8000/x:8222;",
}

MONITORING_CASES = (
    *(
        Case("DKR-MON", "bypass", f"a command, {index}", (container({"command": words}),),
             (f"command[{len(words) - 1}]",))
        for index, words in enumerate((
            ["nginx", "-g", "daemon off; http { server { location / { proxy_pass http://nats:8222; } } }"],
            ["sh", "-c", "echo 'server { location / { proxy_pass http://nats:8222; } }' >/tmp/x && nginx -c /tmp/x"],
            ["socat", "TCP-LISTEN:8080,fork", "TCP:nats:8222"],
            ["caddy", "reverse-proxy", "--from", ":8080", "--to", "nats:8222"],
            ["haproxy", "-f", "/x", "--", "10.0.0.4:08222"],
            ["x", "[fd00::4]:8222"],
        ))
    ),
    Case("DKR-MON", "bypass", "an entrypoint",
         (container({"entrypoints": ["socat", "TCP-LISTEN:80", "TCP:nats:8222"], "command": UNKNOWN}),),
         ("entrypoints[2]",)),
    Case("DKR-MON", "bypass", "a template's variable", (container({"envs": ["A=b", "UPSTREAM=http://grafana:3000/"]}),),
         ("envs[1]",)),
    Case("DKR-MON", "bypass", "a command that publishes nothing, behind a tunnel",
         (container({"ports": [], "command": ["nginx", "-g", "stream { server { proxy_pass nats:8222; } }"]}),),
         ("command[2]",)),
    Case("DKR-MON", "bypass", "a service's command",
         (service({PORTS: [{"targetPort": 80}], f"{SPEC}.args": ["TCP:nats:8222"], f"{SPEC}.env": {"A": "a:8222"}}),),
         (f"{SPEC}.args[0]", f"{SPEC}.env.A")),
    Case("DKR-MON", "unknown", "words of a command",
         (container({"command": [UNKNOWN, "TCP:nats:8222"], "envs": [UNKNOWN]}),), ("command[1]",)),
    Case("DKR-MON", "passing", "exporters and their own ports", (
        other("nats-exporter", image="natsio/prometheus-nats-exporter:0.17.3",
              command=["-varz", "-port", "7777", "http://nats:8222"]),
        other("grafana", image="grafana/grafana:12.0.0",
              envs=["GF_DATABASE_HOST=postgres:5432", "PROMETHEUS=http://prometheus:9090"]),
        container({"command": ["--web.listen-address=127.0.0.1:9113", ":9113", "0.0.0.0:9100"]}),
    )),
    *(
        Case("DKR-MON", "bypass", f"another proxy, {index}",
             (carrier({"uploads": [{"file": "/x", "content": content}]}),), ("uploads[0].content",))
        for index, content in enumerate((
            "loadBalancer:\n  servers:\n  - url: http://nats:8222\n",
            'loadBalancer:\n  servers:\n    - url: "http://api:80"\n    - url: "http://nats:8222/"\n',
            '{"loadBalancer": {"servers": [{"url": "http://api"}, {"url": "http://nats:8222"}]}}',
            "socket_address: { address: nats, port_value: 8222 }",
            '{"socket_address": {"address": "nats", "port_value": 8222}}',
            '{"handler": "reverse_proxy", "upstreams": [{"dial": "nats:8222"}]}',
            '<Location />\n  SetHandler "proxy:http://nats:8222"\n</Location>',
            "RewriteRule ^/(.*)$ http://nats:8222/$1 [P]",
            "backend b\n  server-template s 3 nats:8222 check",
        ))
    ),
    Case("DKR-MON", "passing", "who reads it", (carrier({"uploads": [
        {"file": "/p.yml", "content": "remote_write:\n- url: http://mimir:9090/api/v1/push\n"},
        {"file": "/g.yml", "content": "datasources:\n- name: p\n  url: http://prometheus:9090\n"},
        {"file": "/t.yml", "content": "servers:\n- url: http://api:8000\nmetrics:\n  url: http://127.0.0.1:9100\n"},
    ]}),)),
    Case("DKR-MON", "passing", "compliant", (container(), carrier(), service())),
    Case("DKR-MON", "passing", "the dev stack", (container(), *DEV_PORTS), environment="dev"),
    *(
        Case("DKR-MON", "passing", f"template {template.name}", upload(template.read_text()))
        for template in TEMPLATES
    ),
    *(Case("DKR-MON", "passing", f"file {name}", upload(content)) for name, content in HARMLESS.items()),
    Case("DKR-MON", "passing", "tunnel to nginx", tunnel_config("http://nginx:8080")),
    Case("DKR-MON", "failing", "the dev stack in prod", DEV_PORTS, ("ports[1].internal",)),
    *(
        Case("DKR-MON", "failing", f"port {number}", nginx(internal=float(number)), ("ports[0].internal",))
        for number in sorted(MONITORING_PORTS)
    ),
    Case("DKR-MON", "failing", "swarm", in_swarm({"targetPort": 8222.0, "publishedPort": 443.0}),
         (f"{PORTS}[0].targetPort",)),
    Case("DKR-MON", "failing", "another port", nginx(internal=9876.0), ("ports[0].internal",),
         options={"ports": [9876]}),
    *(
        Case("DKR-MON", "bypass", f"internal {value!r}", nginx(internal=value), ("ports[0].internal",))
        for value in (8222, "8222", " 8222 ", "+8222", "08222", 8222.9, "8222.0", 8222 + 65536, 8222 + 2**32,
                      8222 - 65536, "8220-8230")
    ),
    Case("DKR-MON", "bypass", "udp", nginx(internal=8222, protocol="udp"), ("ports[0].internal",)),
    Case("DKR-MON", "bypass", "outside number", nginx(external=8222), ("ports[0].external",)),
    Case("DKR-MON", "bypass", "outside range", nginx(external="3000-3010"), ("ports[0].external",)),
    Case("DKR-MON", "bypass", "both numbers", nginx(internal=8222, external="9090"),
         ("ports[0].internal", "ports[0].external")),
    Case("DKR-MON", "bypass", "loopback outside development", nginx(internal=8222, ip="127.0.0.1"),
         ("ports[0].internal",), environment="staging"),
    *(
        Case("DKR-MON", "bypass", f"dev at {address!r}", nginx(internal=8222, ip=address), ("ports[0].internal",),
             environment="dev")
        for address in (*EVERY_INTERFACE, "192.0.2.10")
    ),
    Case("DKR-MON", "bypass", "no debugging in dev", nginx(internal=8222), ("ports[0].internal",),
         environment="dev", options={"loopbackInDevelopment": False}),
    Case("DKR-MON", "bypass", "ports can only be added", nginx(internal=8222), ("ports[0].internal",),
         options={"ports": [1]}),
    Case("DKR-MON", "bypass", "swarm in dev", in_swarm({"targetPort": 8222.0, "publishedPort": 1024.0}),
         (f"{PORTS}[0].targetPort",), environment="dev"),
    Case("DKR-MON", "bypass", "swarm with more bits", in_swarm({"targetPort": 2.0**32 + 8222}),
         (f"{PORTS}[0].targetPort",)),
    *(
        Case("DKR-MON", "bypass", f"file {name}", upload(content), ("uploads[0].content",))
        for name, content in PROXIED.items()
    ),
    *(
        Case("DKR-MON", "bypass", f"file in base64 {name}", upload(encoded(content), "contentBase64"),
             ("uploads[0].contentBase64",))
        for name, content in PROXIED.items()
    ),
    Case("DKR-MON", "bypass", "file of any name in dev",
         upload(PROXIED["nginx"], file="/notes.txt"), ("uploads[0].content",), environment="dev"),
    Case("DKR-MON", "bypass", "base64 over lines",
         upload("\r\n".join(encoded(PROXIED["nginx"])), "contentBase64"), ("uploads[0].contentBase64",)),
    Case("DKR-MON", "bypass", "base64 without padding",
         upload(encoded(PROXIED["nginx"] + "  ").rstrip("="), "contentBase64"), ("uploads[0].contentBase64",)),
    Case("DKR-MON", "bypass", "two files",
         (carrier({"uploads": [
             {"file": "/a.conf", "content": "map $host $to { default nats:8222; }"},
             {"file": "/b.conf", "content": PROXY % "proxy_pass http://$to;"},
         ]}),), ("uploads[1].content",)),
    Case("DKR-MON", "bypass", "two ports in one file",
         upload(PROXY % "proxy_pass http://nats:8222; proxy_pass http://x:9090;"),
         ("uploads[0].content", "uploads[0].content")),
    Case("DKR-MON", "bypass", "swarm config",
         (make(SERVICE_CONFIG, {"name": "x", "data": encoded(PROXIED["nginx"])}),), ("data",)),
    Case("DKR-MON", "bypass", "swarm config, raw",
         (make(SERVICE_CONFIG, {"name": "x", "dataRaw": PROXIED["nginx"]}),), ("dataRaw",)),
    Case("DKR-MON", "bypass", "swarm config in the URL alphabet",
         (make(SERVICE_CONFIG, {"data": base64.urlsafe_b64encode(f"# \xff?\n{PROXIED['nginx']}".encode()).decode()}),),
         ("data",)),
    Case("DKR-MON", "bypass", "swarm secret",
         (make(SECRET, {"name": "x", "data": encoded(PROXIED["nginx"])}),), ("data",)),
    *(
        Case("DKR-MON", "bypass", f"tunnel to {url}", tunnel_config(url), ("config.ingresses[0].service",))
        for url in ("http://nats:8222", "https://nats:8222/varz", "tcp://nats:8222", " http://nats:08222 ",
                    "http://[fd00::4]:8222", "HTTP://NATS:8222", "nats:8222", "http://grafana:3000?x")
    ),
    Case("DKR-MON", "bypass", "older tunnel",
         tunnel_config("http://nats:8222", TUNNEL_CONFIGS[1], "ingressRules"), ("config.ingressRules[0].service",)),
    Case("DKR-MON", "unknown", "port", nginx(internal=UNKNOWN, external=UNKNOWN)),
    Case("DKR-MON", "unknown", "outside number", nginx(internal=8222, external=UNKNOWN), ("ports[0].internal",)),
    Case("DKR-MON", "unknown", "address", nginx(internal=8222, ip=UNKNOWN), ("ports[0].internal",)),
    Case("DKR-MON", "unknown", "address in dev", nginx(internal=8222, ip=UNKNOWN), environment="dev"),
    Case("DKR-MON", "unknown", "one port of two", (container({"ports": [UNKNOWN, port(internal=8222)]}),),
         ("ports[1].internal",)),
    Case("DKR-MON", "unknown", "content", upload(UNKNOWN)),
    Case("DKR-MON", "unknown", "one file of two",
         (carrier({"uploads": [UNKNOWN, {"content": PROXIED["nginx"]}]}),), ("uploads[1].content",)),
    Case("DKR-MON", "unknown", "tunnel", tunnel_config(UNKNOWN)),
    Case("DKR-MON", "unknown", "tunnel's config", (make(TUNNEL_CONFIGS[0], {"config": UNKNOWN}),)),
    Case("DKR-MON", "unknown", "config", (make(SERVICE_CONFIG, {"data": UNKNOWN}),)),
)  # fmt: skip


def attached(*names: Any, mode: Any = "bridge") -> tuple[Resource]:
    return (container({"networkMode": mode, "networksAdvanced": [{"name": name} for name in names]}),)


PREDEFINED = ("bridge", "default", "host", "none", "ingress", "docker_gwbridge", "nat")

NETWORK_CASES = (
    Case("DKR-NET", "passing", "compliant", (container(), carrier(), service())),
    Case("DKR-NET", "passing", "unset mode", (container({"networkMode": UNSET}),)),
    Case("DKR-NET", "passing", "default mode", (container({"networkMode": "default"}),)),
    Case("DKR-NET", "passing", "none", attached(mode="none")),
    Case("DKR-NET", "passing", "mode names a network", attached(mode="tasktracker-prod-edge")),
    Case("DKR-NET", "passing", "mode names one of two", attached("x-data", mode="x-edge")),
    *(
        Case("DKR-NET", "bypass", f"the default network by its id, {name[:12]}",
             (container({"networksAdvanced": [{"name": name}]}), container({"networkMode": name}),
              service({NETWORKS: [{"id": name}]}), service({NETWORKS: [{"name": name}]})),
             ("networksAdvanced[0].name", "networkMode", f"{NETWORKS}[0].id", f"{NETWORKS}[0].name"))
        for name in ("a1affc82205e129b67a0e0d70388740ebb0335afd269b922638e584772837d03", "a1affc82205e", "a1a", "e")
    ),
    Case("DKR-NET", "passing", "names that can't be ids",
         tuple(container({"networksAdvanced": [{"name": name}]}) for name in ("edge", "backend", "db-1", "app_db"))),
    Case("DKR-NET", "unknown", "an id",
         (container({"networkMode": UNKNOWN, "networksAdvanced": [{"name": UNKNOWN}]}),)),
    Case("DKR-NET", "passing", "service by id", (service({NETWORKS: [{"id": "4cjzyl2jb5nm"}]}),)),
    *(
        Case("DKR-NET", "failing", f"mode {mode!r} alone", attached(mode=mode), ("networksAdvanced",))
        for mode in (None, "", "bridge", "default")
    ),
    Case("DKR-NET", "failing", "service without networks", (service({NETWORKS: UNSET}),), (NETWORKS,)),
    *(
        Case("DKR-NET", "failing", f"network {name}", attached(name), ("networksAdvanced[0].name",))
        for name in PREDEFINED
    ),
    *(
        Case("DKR-NET", "failing", f"service on {name}", (service({NETWORKS: [{"name": name}]}),),
             (f"{NETWORKS}[0].name",))
        for name in PREDEFINED
    ),
    *(
        Case("DKR-NET", "bypass", f"mode {mode!r}", attached("tasktracker-prod-edge", mode=mode), ("networkMode",))
        for mode in ("host", "Host", " host", "container:nats", "Container:nats", "ingress", "docker_gwbridge", "nat")
    ),
    *(
        Case("DKR-NET", "bypass", f"mode {mode!r} alone", attached(mode=mode), ("networksAdvanced",))
        for mode in ("Bridge", "DEFAULT", " bridge ", " ", True, [], ["x"], {})
    ),
    *(
        Case("DKR-NET", "bypass", f"network {name!r}", attached("tasktracker-prod-edge", name),
             ("networksAdvanced[1].name",))
        for name in ("Bridge", "bridge ", "HOST", "", None, [], True)
    ),
    Case("DKR-NET", "bypass", "predefined in default mode", attached("bridge", mode=None),
         ("networksAdvanced[0].name",)),
    Case("DKR-NET", "bypass", "predefined beside a named mode", attached("bridge", mode="tasktracker-prod-edge"),
         ("networksAdvanced[0].name",)),
    Case("DKR-NET", "bypass", "no list", (container({"networksAdvanced": {"name": "x"}}),), ("networksAdvanced",)),
    Case("DKR-NET", "bypass", "entry that is no object", (container({"networksAdvanced": ["x"]}),),
         ("networksAdvanced[0].name",)),
    Case("DKR-NET", "bypass", "id wins in a service",
         (service({NETWORKS: [{"name": "tasktracker-prod-edge", "id": "bridge"}]}),), (f"{NETWORKS}[0].id",)),
    Case("DKR-NET", "unknown", "mode", attached(mode=UNKNOWN)),
    Case("DKR-NET", "unknown", "mode with a predefined network", attached("host", mode=UNKNOWN),
         ("networksAdvanced[0].name",)),
    Case("DKR-NET", "unknown", "networks", (container({"networksAdvanced": UNKNOWN}),)),
    Case("DKR-NET", "unknown", "networks in host mode",
         (container({"networksAdvanced": UNKNOWN, "networkMode": "host"}),), ("networkMode",)),
    Case("DKR-NET", "unknown", "a network's name", attached(UNKNOWN)),
    Case("DKR-NET", "unknown", "one of two", (container({"networksAdvanced": [UNKNOWN, {"name": "bridge"}]}),),
         ("networksAdvanced[1].name",)),
    Case("DKR-NET", "unknown", "service", (service({NETWORKS: UNKNOWN}), service({"taskSpec": UNKNOWN}))),
)  # fmt: skip

BRIDGE = "com.docker.network.bridge"


def edge(changes: dict[str, Any] | None = None) -> tuple[Resource]:
    """A network that may have a way out."""
    named = {"name": "tasktracker-prod-edge", "internal": False, "labels": labels("edge"), **(changes or {})}
    return (network(named, name="edge"),)


INTERNAL_CASES = (
    Case("NET-INT", "passing", "compliant", (network(),)),
    Case("NET-INT", "passing", "edge", edge()),
    Case("NET-INT", "passing", "internal as text", (network({"internal": "true"}),)),
    Case("NET-INT", "passing", "default driver", edge({"driver": None})),
    Case("NET-INT", "passing", "overlay", edge({"driver": "overlay", "options": {"encrypted": ""}})),
    Case("NET-INT", "passing", "name that only ends alike", edge({"name": "tasktracker-prod-metadata"})),
    Case("NET-INT", "passing", "other patterns", (network({"internal": False}),), options={"networks": ["*-store"]}),
    Case("NET-INT", "passing", "ingress and addresses as they are by default",
         edge({"ingress": False, "ipamDriver": "default"})),
    Case("NET-INT", "passing", "options that open nothing", edge({"options": {
        f"{BRIDGE}.name": "br-edge", f"{BRIDGE}.enable_icc": "false", f"{BRIDGE}.gateway_mode_ipv4": "nat",
        f"{BRIDGE}.host_binding_ipv4": "127.0.0.1", "com.docker.network.driver.mtu": "1450",
        "com.docker.network.enable_ipv4": "true", f"{BRIDGE}.default_bridge": "false"}})),
    *(
        Case("NET-INT", "failing", f"internal {value!r}", (network({"internal": value}),), ("internal",))
        for value in (False, None, "false", 0, "", "yes", [True])
    ),
    Case("NET-INT", "failing", "monitoring",
         (network({"name": "tasktracker-prod-monitoring", "internal": False}, name="x"),), ("internal",)),
    *(
        Case("NET-INT", "failing", f"driver {driver!r}", edge({"driver": driver}), ("driver",))
        for driver in ("macvlan", "ipvlan", "host", "null", "weave", "transparent", "l2bridge", 1, ["bridge"])
    ),
    *(
        Case("NET-INT", "bypass", f"driver {driver!r}", edge({"driver": driver}), ("driver",))
        for driver in ("Bridge", "bridge ", " macvlan", "MACVLAN", "weaveworks/net-plugin:latest")
    ),
    Case("NET-INT", "bypass", "name in capitals", edge({"name": "TaskTracker-Prod-DATA"}), ("internal",)),
    Case("NET-INT", "bypass", "name with white space", edge({"name": "tasktracker-prod-data "}), ("internal",)),
    Case("NET-INT", "bypass", "the label says it", edge({"labels": labels("data")}), ("internal",)),
    Case("NET-INT", "bypass", "one of two labels says it", edge({"labels": labels("data", "edge")}), ("internal",)),
    Case("NET-INT", "bypass", "the resource's name says it",
         (network({"name": "x1", "internal": False, "labels": []}, name="data"),), ("internal",)),
    *(
        Case("NET-INT", "bypass", f"option {name} {value!r}", edge({"options": {f"{BRIDGE}.{name}": value}}),
             (f"options.{BRIDGE}.{name}",))
        for name, value in (
            ("gateway_mode_ipv4", "routed"), ("gateway_mode_ipv4", "nat-unprotected"), ("gateway_mode_ipv6", "routed"),
            ("gateway_mode_ipv4", "Nat"), ("host_binding_ipv4", "0.0.0.0"), ("host_binding_ipv4", "::"),
            ("host_binding_ipv4", "0"), ("trusted_host_interfaces", "eth0"), ("default_bridge", "true"),
            ("name", "docker0"), ("name", "br0"), ("name", "vmbr1"), ("name", " BR0"), ("name", 1),
            ("of_tomorrow", "x"),
        )
    ),
    Case("NET-INT", "bypass", "parent", edge({"driver": "bridge", "options": {"parent": "eth0"}}), ("options",)),
    Case("NET-INT", "bypass", "options of an internal network",
         (network({"options": {f"{BRIDGE}.gateway_mode_ipv6": "routed"}}),),
         (f"options.{BRIDGE}.gateway_mode_ipv6",)),
    Case("NET-INT", "bypass", "ingress", edge({"driver": "overlay", "ingress": "true"}), ("ingress",)),
    Case("NET-INT", "bypass", "addresses from the LAN", edge({"ipamDriver": "dhcp"}), ("ipamDriver",)),
    Case("NET-INT", "unknown", "internal", (network({"internal": UNKNOWN}),)),
    Case("NET-INT", "unknown", "everything",
         edge({"name": UNKNOWN, "driver": UNKNOWN, "options": UNKNOWN, "ingress": UNKNOWN, "ipamDriver": UNKNOWN,
               "labels": UNKNOWN})),
    Case("NET-INT", "unknown", "name of a data network", (network({"name": UNKNOWN, "internal": False}),),
         ("internal",)),
    Case("NET-INT", "unknown", "one option of two",
         edge({"options": {f"{BRIDGE}.gateway_mode_ipv4": UNKNOWN, f"{BRIDGE}.gateway_mode_ipv6": "routed"}}),
         (f"options.{BRIDGE}.gateway_mode_ipv6",)),
)  # fmt: skip

CASES = (*PORT_CASES, *MONITORING_CASES, *NETWORK_CASES, *INTERNAL_CASES)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


def test_there_are_templates() -> None:
    assert len(TEMPLATES) >= 4


def test_a_stack_finding_names_its_resource() -> None:
    rule, publisher = rule_of("DKR-PORT"), container()
    (found,) = findings(rule, (publisher, tunnel()), Scope(rule.options()))
    assert found.urn == publisher.urn
    text = message(rule, found, publisher)
    assert text.startswith('ports[0] is "8080". Allowed: no published port in a stack with a tunnel.')


def test_a_files_content_is_not_shown() -> None:
    rule = rule_of("DKR-MON")
    content = "# hunter2\n" + PROXY % "set $x hunter2; proxy_pass http://hunter2:8222/$x;"
    for secret, shown in (((), "8222"), (("uploads[0].content",), REDACTED)):
        resource = carrier({"uploads": [{"file": "/x", "content": content}]}, secret=secret)
        (found,) = findings(rule, (resource,), Scope(rule.options()))
        text = message(rule, found, resource)
        assert text.startswith(f"uploads[0].content is {shown}. Allowed: no monitoring port.")
        assert "hunter2" not in text


@pytest.mark.parametrize(
    ("options", "config"),
    [
        (PortOptions, {"addresses": ["everywhere"]}),
        (PortOptions, {"addresses": [" 0.0.0.0"]}),
        (PortOptions, {"publishers": "nginx"}),
        (MonitoringOptions, {"ports": [0]}),
        (MonitoringOptions, {"ports": [-8222]}),
        (MonitoringOptions, {"ports": ["9121"]}),
        (MonitoringOptions, {"allowedPorts": [8222]}),
    ],
)
def test_options_are_strict(options: type[PortOptions | MonitoringOptions], config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        options.model_validate_json(json.dumps(config))


def forms(number: int) -> st.SearchStrategy[Any]:
    """The ways to write a number that the provider reads as that one."""
    return st.sampled_from(
        (number, float(number), number + 0.75, str(number), f" {number}", f"+{number}", f"000{number}", f"{number}.0")
    )


ADDRESSES = st.one_of(
    st.sampled_from(EVERY_INTERFACE), st.ip_addresses().map(str), st.text(max_size=20), st.just(UNKNOWN)
)


@given(
    internal=st.sampled_from(sorted(MONITORING_PORTS)).flatmap(forms),
    external=st.one_of(
        st.integers(0, 65535).filter(lambda each: each not in MONITORING_PORTS).flatmap(forms),
        st.sampled_from((None, "", UNKNOWN)),
    ),
    address=ADDRESSES,
    protocol=st.sampled_from(("tcp", "udp", "sctp", "TCP", None, UNKNOWN)),
    environment=st.sampled_from(("prod", "staging", "production", "live")),
)
@settings(max_examples=examples(1000), deadline=None)
def test_a_monitoring_port_is_always_found(
    internal: Any, external: Any, address: Any, protocol: Any, environment: str
) -> None:
    ports = [{"internal": internal, "external": external, "ip": address, "protocol": protocol}]
    run(Case("DKR-MON", "bypass", "any", (container({"ports": ports}),), ("ports[0].internal",), {}, environment))
    swarm = [{"targetPort": internal, "publishedPort": external, "protocol": protocol}]
    run(Case("DKR-MON", "bypass", "any", in_swarm(*swarm), (f"{PORTS}[0].targetPort",), {}, environment))


@given(
    directive=st.sampled_from(("proxy_pass", "grpc_pass", "fastcgi_pass", "server")),
    scheme=st.sampled_from(("", "http://", "https://", "grpcs://")),
    host=st.sampled_from(("nats", "172.20.1.4", "[fd00::4]", "$host", "${x}", "a-b.c_d")),
    # What a shared port is depends on the host: tests/policies/test_docker_monitoring.py.
    number=st.sampled_from(sorted(MONITORING_PORTS.keys() - SHARED_PORTS)),
    zeros=st.sampled_from(("", "0", "000")),
    after=st.sampled_from(("", "/", "/varz", "?a=b", "$request_uri", " weight=5")),
    space=st.sampled_from((" ", "\n", "\t ", " # comment; {\n")),
    quote=st.sampled_from(("", '"', "'")),
)
@settings(max_examples=examples(500), deadline=None)
def test_a_proxied_monitoring_port_is_always_found(
    directive: str, scheme: str, host: str, number: int, zeros: str, after: str, space: str, quote: str
) -> None:
    config = f"a {{ b c; {directive}{space}{quote}{scheme}{host}:{zeros}{number}{after}{quote}; }}"
    assert proxied_ports(config, frozenset(MONITORING_PORTS)) == {number}


@given(st.text(alphabet="$ab{};:82\"'\\# \n/set proxy_pass", max_size=200))
def test_any_text_can_be_read(config: str) -> None:
    proxied_ports(f"proxy_pass $x:8222 {config}", frozenset(MONITORING_PORTS), [config])
