"""No monitoring port is published or proxied."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import components
from policies.docker.network.known_ports import MONITORING_PORTS
from policies.evaluate import REDACTED, findings, message
from policies.resource import Resource
from policies.rule import Scope
from policies.values import UNKNOWN
from policies.workloads.tunnels import TUNNEL_CONFIGS
from policies.workloads.uploads import SECRET, SERVICE_CONFIG
from tests.policies.cases import Case, of_each_rule, rule_of, run_all
from tests.policies.compliant import carrier, container, make, service
from tests.policies.docker.network.publishing import (
    DEV_PORTS,
    EVERY_INTERFACE,
    PORTS,
    SPEC,
    in_swarm,
    nginx,
    other,
    port,
    tunnel_config,
)

TEMPLATES = sorted((Path(components.__file__).parent / "templates").glob("*.j2"))


def upload(content: Any, key: str = "content", file: str = "/etc/tasktracker/nginx.conf") -> tuple[Resource]:
    return (carrier({"uploads": [{"file": file, key: content}]}),)


def encoded(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


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


def test_there_are_templates() -> None:
    assert len(TEMPLATES) >= 4


def test_a_files_content_is_not_shown() -> None:
    rule = rule_of("DKR-MON")
    content = "# hunter2\n" + PROXY % "set $x hunter2; proxy_pass http://hunter2:8222/$x;"
    for secret, shown in (((), "8222"), (("uploads[0].content",), REDACTED)):
        resource = carrier({"uploads": [{"file": "/x", "content": content}]}, secret=secret)
        (found,) = findings(rule, (resource,), Scope(rule.options()))
        text = message(rule, found, resource)
        assert text.startswith(f"uploads[0].content is {shown}. Allowed: no monitoring port.")
        assert "hunter2" not in text


CASES = MONITORING_CASES


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
