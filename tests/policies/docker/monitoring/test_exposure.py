"""What leads to a port that must stay inside, and what is only like it."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from typing import Any

import pytest

from policies.docker.monitoring.findings import OPEN
from policies.docker.network.known_ports import INTERNAL_PORTS, MAX_PORT, MONITORING_PORTS, STORE_PORTS, named
from policies.evaluate import findings
from policies.resource import Resource
from policies.rule import Scope
from policies.workloads.tunnels import TUNNEL_CONFIGS
from tests.policies.cases import Case, of_each_rule, rule_of, run_all
from tests.policies.compliant import carrier, container, make, service
from tests.policies.docker.monitoring.config_files import BOTH, FILES, KNOWN_FILES, MORE_FILES, NAMED_FILES, OPEN_FILES

SPEC = "taskSpec.containerSpec"


def labels(name: str, *more: tuple[str, str]) -> list[dict[str, str]]:
    pairs = (("stack", "prod"), ("service", name), *more)
    return [{"label": label, "value": value} for label, value in pairs]


def of(service_name: str, image: str, *, aliases: tuple[str, ...] = (), **changes: Any) -> Resource:
    """A container that publishes nothing."""
    networks = [{"name": "tasktracker-prod-edge", "aliases": list(aliases or (service_name,))}]
    properties = {"image": image, "ports": [], "labels": labels(service_name), "networksAdvanced": networks, **changes}
    return container(properties, name=service_name)


NGINX = "registry.example.com/tasktracker/nginx:1.2.3"
APP = "registry.example.com/tasktracker/api:1.2.3"


def encoded(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def compressed(content: str) -> str:
    return base64.b64encode(gzip.compress(content.encode())).decode()


def nginx(*envs: str) -> tuple[Resource]:
    """nginx behind a tunnel, with a template that the image has."""
    return (of("nginx", NGINX, envs=list(envs)),)


def edge(*envs: str) -> tuple[Resource]:
    """A proxy that nothing but its image tells."""
    return (of("edge", "openresty/openresty:1.27", envs=list(envs)),)


def runs(*command: str, key: str = "command") -> tuple[Resource]:
    changes: dict[str, Any] = {key: list(command)}
    return (of("helper", "debian:trixie", **changes),)


def file(content: str, **changes: Any) -> tuple[Resource]:
    return (carrier({"uploads": [{"file": "/etc/x", "content": content}], **changes}),)


def tunnel(destination: str) -> Resource:
    return make(TUNNEL_CONFIGS[0], {"config": {"ingresses": [{"service": destination}]}}, name="tunnel")


#: Environments of a proxy that publishes nothing.
ENVS = (
    "NATS_UPSTREAM=nats:8222", "UPSTREAM=http://nats:8222", "UPSTREAMS=api:8000,nats:8222", "NATS_PORT=8222",
    "NATS_PORT=08222", "NATS_PORT= 8222 ", "NATS_PORT='8222'", "MONITOR=172.20.1.4:8222", "MONITOR=[fd00::4]:8222",
    "PORTS=8000,8222", "TARGETS=nats 8222", "BACKEND=nats|8222", "X=8428", "LOGS=victorialogs:9428", "A=vmalert:8880",
    "B=http://blackbox:9115/probe", "REDIS_EXPORTER=redis-exporter:9121", "UPSTREAM=postgres:5432",
    "BACKEND_PORT=6379", "STREAM_TARGET=nats:4222", "NGINX_UPSTREAM_PORTS=8220-8230",
)  # fmt: skip

#: Commands of a container that publishes nothing, which pass on what they receive.
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("socat", "TCP-LISTEN:8080,fork", "TCP:nats:8222"),
    ("socat", "TCP-LISTEN:8080,fork,reuseaddr", "TCP4:postgres:5432"),
    ("socat", "TCP-LISTEN:8080,fork", "TCP:postgres:postgresql"),
    ("socat", "TCP-LISTEN:8080,fork", "TCP:nats:0x201e"),
    ("socat", "TCP-LISTEN:8080,fork", "TCP:nats:020036"),
    ("socat", "UNIX-LISTEN:/run/x,fork", "TCP:nats:8222"),
    ("sh", "-c", "P=8222; exec socat TCP-LISTEN:8080,fork TCP:nats:$P"),
    ("/usr/bin/ncat", "-lk", "8080", "--sh-exec", "ncat nats 8222"),
    ("sh", "-c", "mkfifo /tmp/f; nc -l -p 8080 </tmp/f | nc nats 8222 >/tmp/f"),
    ("ssh", "-N", "-L", "0.0.0.0:8080:nats:8222", "x@localhost"),
    ("autossh", "-R", "80:nats:8222", "serveo.net"),
    ("sh", "-c", "iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 172.20.1.4:8222; sleep 9d"),
    ("nft", "add rule nat prerouting tcp dport 80 dnat to 172.20.1.4:5432"),
    ("python3", "-c", "import socketserver as s,socket\nsocket.create_connection(('nats', 8222))"),
    ("node", "-e", "require('net').createServer(c=>c.pipe(require('net').connect(8222,'nats')).pipe(c)).listen(80)"),
    ("perl", "-MIO::Socket", "-e", "IO::Socket::INET->new(PeerAddr=>'nats',PeerPort=>8222)"),
    ("ruby", "-rsocket", "-e", "TCPServer.new(80); TCPSocket.new('postgres', 5432)"),
    ("bash", "-c", "coproc nc -l 80; exec 3<>/dev/tcp/nats/8222"),
    ("caddy", "reverse-proxy", "--from", ":80", "--to", "grafana:3000"),
    ("sh", "-c", "printf 'listen x :80\\n server n nats:8222\\n' >/tmp/h; haproxy -f /tmp/h"),
    ("sh", "-c", "echo '0.0.0.0 80 nats 8222' >/tmp/r; rinetd -c /tmp/r"),
    ("cloudflared", "tunnel", "--url", "http://nats:8222"),
    ("ngrok", "tcp", "postgres:5432"),
    ("sh", "-c", "nginx -g 'stream { server { listen 80; proxy_pass postgres:5432; } }'"),
    ("gost", "-L=tcp://:80/nats:8222"),
    ("traefik", "--entrypoints.web.address=:80", "--x.servers=http://nats:8222"),
    ("kubectl", "port-forward", "svc/nats", "80:8222"),
    ("tailscale", "serve", "http://nats:8222"),
    ("systemd-socket-proxyd", "nats:8222"),
    ("tcpsvd", "0", "8080", "nc", "nats", "8222"),
    ("6tunnel", "80", "nats", "8222"),
    ("inlets-pro", "tcp", "client", "--upstream", "nats", "--ports", "8222"),
    ("lt", "--port", "8222", "--local-host", "nats"),
    ("sh", "-c", "a=82 b=22; socat TCP-LISTEN:80,fork TCP:nats:$a$b"),
    ("sh", "-c", "socat TCP-LISTEN:80,fork TCP:nats:8'2'22"),
    ("sh", "-c", "socat TCP-LISTEN:80,fork TCP:nats:82\\22"),
    ("socat", "TCP-LISTEN:8080,fork", "UNIX-CONNECT:/var/run/postgresql/.s.PGSQL.5432"),
    ("envoy", "--config-yaml", '{"endpoint":{"address":{"socket_address":{"address":"nats","port_value":8222}}}}'),
    ("sh", "-c", f"echo {base64.b64encode(b'socat TCP-LISTEN:80,fork TCP:nats:8222').decode()} | base64 -d | sh"),
)  # fmt: skip

CASES = (
    *(Case("DKR-MON", "bypass", f"nginx behind a tunnel, {env}", nginx(env), ("envs[0]",)) for env in ENVS),
    *(Case("DKR-MON", "bypass", f"another proxy, {env}", edge(env), ("envs[0]",)) for env in ENVS),
    *(Case("DKR-MON", "bypass", f"file, {name}", file(text), ("uploads[0].content",)) for name, text in FILES.items()),
    *(
        Case("DKR-MON", "bypass", f"open file, {name}", file(text), ("uploads[0].content",))
        for name, text in OPEN_FILES.items()
    ),
    *(
        Case("DKR-MON", "bypass", f"more, {name}", file(text), ("uploads[0].content",) * (1 + (name in BOTH)))
        for name, text in MORE_FILES.items()
    ),
    *(Case("DKR-MON", "passing", f"known file, {name}", file(text)) for name, text in KNOWN_FILES.items()),
    *(
        Case("DKR-MON", "bypass", f"named file, {name}", file(text), ("uploads[0].content",))
        for name, text in NAMED_FILES.items()
    ),
    *(
        Case("DKR-MON", "bypass", what, (resource,), (path,))
        for what, resource, path in (
            ("a port that a shell computes",
             of("x", "debian", command=["sh", "-c", "socat TCP-LISTEN:80,fork TCP:nats:$((8000+222))"]), "command"),
            ("a port from another command",
             of("x", "debian", command=["sh", "-c", "socat TCP-LISTEN:80,fork TCP:nats:$(cat /p)"]), "command"),
            ("a host that the request says",
             of("x", "debian", command=["socat", "TCP-LISTEN:80,fork", "SYSTEM:read h p; exec nc $h $p"]), "command"),
            ("a template's variable of a request", of("edge", NGINX, envs=["UPSTREAM=http://$arg_target"]), "envs[0]"),
            ("an open proxy with nginx' label", of("nginx", "x/proxy", command=["microsocks", "-p", "80"]), "command"),
            ("SSH's proxy with nginx' label",
             of("nginx", "debian", command=["ssh", "-N", "-D", "0.0.0.0:8080", "x@h"]), "command"),
            ("an open gost with nginx' label", of("nginx", "x/gost", command=["-L=:8080"]), "command"),
        )
    ),
    Case("DKR-MON", "passing", "Node's port of a web app",
         nginx("WEB_UPSTREAM=http://web:3000", "FRONTEND_PORT=3000", "API_UPSTREAM=http://api:8000")),
    Case("DKR-MON", "passing", "a shell's variable that is no destination",
         (of("x", NGINX, command=["sh", "-c", "echo start:$(date); exec nginx"]),)),
    Case("DKR-MON", "passing", "a destination from a variable that is known",
         (of("x", "debian", envs=["PORT=8000"], command=["sh", "-c", "H=api; socat TCP-LISTEN:80 TCP:$H:$PORT"]),)),
    Case("DKR-MON", "bypass", "a tunnel leads to it",
         (of("web", APP, envs=["NATS=nats:8222"]), tunnel("http://web:8080")), ("envs[0]",)),
    Case("DKR-MON", "bypass", "a tunnel leads to its alias",
         (of("web", APP, aliases=("x", "front"), envs=["NATS_PORT=8222"]), tunnel("https://Front")), ("envs[0]",)),
    Case("DKR-MON", "bypass", "a tunnel leads to its name",
         (of("web", APP, name="prod-web", command=["x", "nats:8222"]), tunnel("http://prod-web:80")), ("command[1]",)),
    Case("DKR-MON", "bypass", "a tunnel to a data store", (tunnel("tcp://postgres:5432"),),
         ("config.ingresses[0].service",)),
    Case("DKR-MON", "bypass", "a template and its variable",
         (of("edge", "debian", envs=["NATS_PORT=8222"],
             uploads=[{"file": "/t", "content": "proxy_pass http://nats:${NATS_PORT};"}]),), ("uploads[0].content",)),
    Case("DKR-MON", "passing", "a template with a known variable",
         (of("edge", "debian", envs=["API=api:8000"],
             uploads=[{"file": "/t", "content": "proxy_pass http://${API};"}]),)),
    *(
        Case("DKR-MON", "bypass", f"label {name}", (of("nats", "nats:2.12", labels=labels("nats", (name, value))),),
             ("labels[2]",))
        for name, value in (
            ("traefik.http.services.n.loadbalancer.server.port", "8222"),
            ("traefik.tcp.services.db.loadbalancer.server.port", "5432"),
            ("traefik.http.services.n.loadbalancer.server.url", "http://nats:8222"),
            ("caddy.reverse_proxy", "{{upstreams 8222}}"), ("caddy_1.reverse_proxy", "nats:8222"),
            ("haproxy.n.port", "8222"), ("easyhaproxy.http.localport", "8222"), ("com.df.port", "8222"),
        )
    ),
    Case("DKR-MON", "bypass", "nginx-proxy's variable",
         (of("nats", "nats:2.12", envs=["VIRTUAL_HOST=n.example.com", "VIRTUAL_PORT=8222"]),), ("envs[1]",)),
    Case("DKR-MON", "bypass", "an entrypoint", runs("socat", "TCP-LISTEN:80", "TCP:nats:8222", key="entrypoints"),
         ("entrypoints[2]",)),
    Case("DKR-MON", "bypass", "a service",
         (service({f"{SPEC}.image": "haproxy:3.2", f"{SPEC}.env": {"NATS_PORT": "8222"}}),), (f"{SPEC}.env.NATS_PORT",
         )),
    Case("DKR-MON", "bypass", "in development", nginx("NATS_UPSTREAM=nats:8222"), ("envs[0]",), environment="dev"),
    *(
        Case("DKR-MON", "bypass", f"container, {name}", (resource,), (path,))
        for name, resource, path in (
            ("a config in a variable", of("x", APP, envs=["C=location / { proxy_pass http://$arg_x; }"]), "envs[0]"),
            ("a config in base64", of("x", NGINX, envs=[f"C={encoded('proxy_pass http://nats:8222;')}"]), "envs[0]"),
            ("a command in a variable",
             of("x", "debian", command=["sh", "-c", 'eval "$R"'], envs=["R=socat TCP-LISTEN:80 TCP:nats:8222"]),
             "envs[0]"),
            ("any image with an upstream", of("x", APP, envs=["UPSTREAM=nats:8222"]), "envs[0]"),
            ("any image that passes on", of("x", APP, envs=["PROXY_PASS=http://postgres:5432"]), "envs[0]"),
            ("a health check that listens", of("x", "debian", healthcheck={
                "tests": ["CMD-SHELL", "socat TCP-LISTEN:80,fork TCP:nats:8222 &"]}), "healthcheck.tests"),
            ("a shell's variable",
             of("x", "alpine/socat", command=["TCP-LISTEN:80,fork", "TCP:nats:$PORT"], envs=["PORT=8222"]),
             "command[1]"),
            ("an image that is socat", of("x", "alpine/socat", command=["TCP-LISTEN:80", "TCP:nats:8222"]),
            "command[1]"),
            ("an image that is varnish", of("x", "varnish:8", command=["varnishd", "-b", "nats:8222"]), "command[2]"),
            ("host and port in two variables", of("x", "haproxy", envs=["BACKEND_PORT=5432"]), "envs[0]"),
            ("host and port in two words", of("x", "debian", command=["socat", "-", "TCP:nats:", "8222"]),
            "command[3]"),
            ("an entrypoint and its arguments",
             of("x", "debian", entrypoints=["socat"], command=["TCP-LISTEN:80", "TCP:nats:8222"]), "command[1]"),
            ("options of ssh", of("x", "debian", command=["ssh", "-o", "LocalForward=80 nats:8222", "h"]),
            "command[2]"),
            ("compressed",
             of("x", "debian", command=["sh", "-c", f"echo {compressed('socat TCP-LISTEN:80 TCP:nats:8222')} "
                                        "| base64 -d | zcat | sh"]), "command"),
        )
    ),
    # What is fine inside a stack.
    Case("DKR-MON", "passing", "an exporter's target",
         (of("probe", "prom/blackbox-exporter", envs=["TARGET=http://nats:8222/healthz"]),)),
    Case("DKR-MON", "passing", "a gateway's own addresses",
         (of("gate", "traefik:3", command=["--entrypoints.metrics.address=:9100", "--providers.redis=redis://redis:6379"]),)),
    Case("DKR-MON", "passing", "the app's own health URL",
         (of("api", APP, envs=["NATS_HEALTH_URL=http://nats:8222/healthz", "DATABASE=postgres:5432",
         "NATS=nats:4222"]),)),
    Case("DKR-MON", "passing", "an app waits", runs("sh", "-c", "until nc -z nats 4222; do sleep 1; done; exec app")),
    Case("DKR-MON", "passing", "exporters",
         (of("nats-exporter", "natsio/prometheus-nats-exporter", command=["-port", "7777", "http://nats:8222"]),
          of("nginx-exporter", "nginx/nginx-prometheus-exporter", envs=["SCRAPE_URI=http://nginx:8081/status",
                                                                          "LISTEN_ADDRESS=:9113"]),
          of("redis-exporter", "oliver006/redis_exporter", envs=["REDIS_ADDR=redis://redis:6379"]))),
    Case("DKR-MON", "passing", "monitoring among itself",
         (of("grafana", "grafana/grafana", envs=["PROMETHEUS=http://prometheus:9090"]),
          of("vmalert", "victoriametrics/vmalert", command=["-datasource.url=http://vm:8428",
          "-httpListenAddr=:8880"]))),
    Case("DKR-MON", "passing", "nginx' own ports and amounts",
         nginx("HEALTH_PORT=8081", "METRICS_PORT=9113", "LISTEN_PORT=8080", "PROXY_TIMEOUT=3000",
         "MAX_CONNECTIONS=9090",
               "API_UPSTREAM=api:8000")),
    Case("DKR-MON", "passing", "a gateway's own store",
         (of("auth", "quay.io/oauth2-proxy/oauth2-proxy", envs=["OAUTH2_PROXY_REDIS_CONNECTION_URL=redis://redis:6379"]),)),
    Case("DKR-MON", "passing", "cloudflared's own metrics",
         (of("cloudflared", "cloudflare/cloudflared", command=["tunnel", "--metrics", "127.0.0.1:20241", "run"]),)),
    Case("DKR-MON", "passing", "a forwarder to the app", runs("socat", "TCP-LISTEN:8080,fork", "TCP:api:8000")),
    Case("DKR-MON", "passing", "a tunnel to nginx", (*nginx("API=api:8000"), tunnel("http://nginx:8080"))),
    Case("DKR-MON", "passing", "scraping by label",
         (of("nats", "nats:2.12", labels=labels("nats", ("prometheus.io/port", "7777"))),)),
)  # fmt: skip


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_forwarders_command_is_refused(command: tuple[str, ...]) -> None:
    rule = rule_of("DKR-MON")
    found = findings(rule, runs(*command), Scope(rule.options()))
    assert {each.path.partition("[")[0] for each in found} == {"command"}
    assert {each.value for each in found} <= {8222, 5432, 3000}


def test_what_is_open_is_said_without_its_text() -> None:
    rule = rule_of("DKR-MON")
    (found,) = findings(rule, file("location / { proxy_pass http://$arg_hunter2; }"), Scope(rule.options()))
    assert found.value == OPEN
    assert "hunter2" not in found.allowed


def test_the_table_of_ports() -> None:
    assert not STORE_PORTS.keys() & MONITORING_PORTS.keys()
    assert {8222, 8428, 9428, 8880, 9115, 9121, 9187, 3000} <= MONITORING_PORTS.keys()
    assert {5432, 6379, 4222, 27017, 3306} <= STORE_PORTS.keys()
    assert all(1024 <= port <= MAX_PORT and name for port, name in INTERNAL_PORTS.items())
    assert not INTERNAL_PORTS.keys() & {80, 443, 8000, 8080, 8081, 8443, 9000}
    assert named(9115) == "9115 (blackbox exporter)"
