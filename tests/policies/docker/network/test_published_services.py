"""Who may publish: decided by what a container is and does, whatever its label says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from policies.containers import Container
from policies.docker.network.known_ports import STORE_PORTS
from policies.resource import Resource
from policies.workloads.roles import command_line, is_proxy, repository
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.compliant import STACK, UNSET, carrier, container, service

SPEC = "taskSpec.containerSpec"
PORT = {"internal": 8080.0, "external": 8080.0, "ip": "127.0.0.1", "protocol": "tcp"}


def port(internal: Any, **changes: Any) -> tuple[Resource]:
    """A container that is called nginx and publishes that port."""
    return (container({"ports": [{**PORT, "internal": internal}], **changes}),)


def called_nginx(**changes: Any) -> tuple[Resource]:
    """A container with nginx' label, image and port, and one thing that tells another story."""
    return (container({key.replace("__", "."): value for key, value in changes.items()}),)


def other(name: str, **changes: Any) -> Resource:
    return container(changes, name=name)


STORES = (
    "postgres:17", "docker.io/library/postgres@sha256:" + 64 * "a", "registry.example.com:5000/tasktracker/postgres:1",
    "bitnami/postgresql", "pgvector/pgvector:pg17", "timescale/timescaledb-ha", "mysql", "MariaDB:11", "redis:8-alpine",
    "valkey/valkey", "mongo", "nats:2.12", "rabbitmq:4-management", "memcached", "clickhouse/clickhouse-server",
    "docker.elastic.co/elasticsearch/elasticsearch:9", "minio/minio", "dpage/pgadmin4", "adminer",
    "grafana/grafana", "prom/prometheus", "prometheuscommunity/postgres-exporter", "victoriametrics/victoria-metrics",
    "registry.example.com/postgres/server:17", "registry.example.com/x/nginx-postgres",
    "jupyter/base-notebook", "codercom/code-server", "amir20/dozzle",
)  # fmt: skip

COMMANDS = (
    ["postgres", "-p", "8080"], ["sh", "-c", "exec postgres -c port=8080"], ["/usr/lib/postgresql/17/bin/postgres"],
    ["docker-entrypoint.sh", "postgres"], ["redis-server", "--port", "8080"], ["nats-server", "-m", "8080"],
    ["mongod", "--port", "8080"], ["mysqld", "--port=8080"], ["bash", "-c", "nginx & memcached -p 8080"],
    ["/bin/prometheus", "--web.listen-address=:8080"], ["grafana-server"],
    ["/usr/sbin/sshd", "-D", "-p", "8080"], ["python3", "-m", "http.server", "8080"], ["dockerd", "-H", "tcp://:8080"],
)  # fmt: skip

CASES = (
    Case("DKR-PORT", "passing", "nginx", (container(),)),
    *(Case("DKR-PORT", "passing", f"port {number}", port(number)) for number in (80.0, 443, "8080", 8443.0, 8000)),
    Case("DKR-PORT", "passing", "nginx with a tool's name in a tag", called_nginx(image="x/nginx:postgres-1")),
    Case("DKR-PORT", "passing", "nginx in a stack that is called redis",
         (container({"mounts": [{"type": "volume", "source": f"{STACK}-nginx-files", "target": "/etc/x"}]}),)),
    Case("DKR-PORT", "passing", "an app of its own with a database's address",
         (container({"labels": [{"label": "stack", "value": "prod"}, {"label": "service", "value": "web"}],
                     "image": "x/web", "envs": ["DATABASE_URL=postgres://postgres:5432/x", "POSTGRES_USER=web"]}),),
         options={"publishers": ["web"]}),
    Case("DKR-PORT", "passing", "another port by an option", port(3443), options={"internalPorts": [3443]}),
    Case("DKR-PORT", "passing", "two services", (container(), other("web", labels=[
        {"label": "stack", "value": "prod"}, {"label": "service", "value": "web"}])), options={"publishers": ["nginx",
        "web"]}),
    Case("DKR-PORT", "passing", "one publishes, its carrier does not", (container(), carrier())),
    Case("DKR-PORT", "passing", "a store for people here",
         (container({"image": "postgres:17", "ports": [{**PORT, "internal": 5432.0}]}),), environment="dev"),
    *(
        Case("DKR-PORT", "bypass", f"port {number}", port(number), ("ports[0].internal",))
        for number in (*sorted(STORE_PORTS), "5432", " 5432", "05432", 5432.9, 5432 + 65536, "5430-5440", "8080-8090",
        22, 25,
                       21, 389, 445, 3389, 5900, 9001, 15432, 0, -1, "http", True, [8080])
    ),
    Case("DKR-PORT", "bypass", "a store's port can't be allowed", port(5432), ("ports[0].internal",),
         options={"internalPorts": [5432]}),
    Case("DKR-PORT", "bypass", "one of two", (container({"ports": [PORT, {**PORT, "internal": 5432}]}),),
         ("ports[1].internal",)),
    Case("DKR-PORT", "bypass", "swarm",
         (service({"endpointSpec.ports": [{"targetPort": 5432.0, "publishedPort": 443.0}]}),),
         ("endpointSpec.ports[0].targetPort",), options={"addresses": ["0.0.0.0"]}),
    Case("DKR-PORT", "bypass", "on the network in dev", port(5432, ports=[{**PORT, "internal": 5432,
         "ip": "192.0.2.1"}]),
         ("ports[0].internal",), environment="dev"),
    *(Case("DKR-PORT", "bypass", f"image {image}", called_nginx(image=image), ("ports",)) for image in STORES),
    *(Case("DKR-PORT", "bypass", f"command {words[0]} {len(words)} {index}", called_nginx(command=words), ("ports",))
      for index, words in enumerate(COMMANDS)),
    Case("DKR-PORT", "bypass", "entrypoint", called_nginx(entrypoints=["/usr/bin/nats-server"]), ("ports",)),
    *(
        Case("DKR-PORT", "bypass", f"variable {env}", called_nginx(envs=[env]), ("ports",))
        for env in ("PGDATA=/x", "POSTGRES_INITDB_ARGS=--data-checksums", "MYSQL_ROOT_PASSWORD_FILE=/x",
                    "MARIADB_ROOT_HOST=%", "MONGO_INITDB_DATABASE=x", "RABBITMQ_DEFAULT_USER=x")
    ),
    *(
        Case("DKR-PORT", "bypass", f"folder {target}",
             called_nginx(mounts=[{"type": "volume", "source": "x", "target": target}]), ("ports",))
        for target in ("/var/lib/postgresql/data", "/var/lib/mysql", "/data/db", "/bitnami/redis", "/var/lib/grafana",
                       "/data/jetstream", "/pgdata")
    ),
    Case("DKR-PORT", "bypass", "volume",
         called_nginx(mounts=[{"type": "volume", "source": "tasktracker-prod-postgres-data", "target": "/x"}]),
         ("ports",)),
    Case("DKR-PORT", "bypass", "older volume",
         called_nginx(volumes=[{"volumeName": "x", "containerPath": "/var/lib/postgresql/17"}]), ("ports",)),
    Case("DKR-PORT", "bypass", "alias",
         called_nginx(networksAdvanced=[{"name": "tasktracker-prod-data", "aliases": ["db", "postgres"]}]), ("ports",)),
    Case("DKR-PORT", "bypass", "host name", called_nginx(hostname="redis"), ("ports",)),
    Case("DKR-PORT", "bypass", "a second one with the label", (container(), other("sidecar", image="x/sidecar:1")),
         ("ports", "ports")),
    Case("DKR-PORT", "bypass", "a second one as a service",
         (container(), service({"endpointSpec.ports": [{"targetPort": 8080.0, "publishedPort": 8081.0}]})),
         ("ports", "endpointSpec.ports"), options={"addresses": ["0.0.0.0"]}),
    *(
        Case("DKR-PORT", "bypass", f"a tunnel by {key}", (container(), other("x", ports=[], labels=[], **{key: value})),
             ("ports[0]",))
        for key, value in (("command", ["sh", "-c", "exec cloudflared tunnel run"]), ("envs", ["TUNNEL_TOKEN_FILE=/x"]),
                           ("image", "x/my-cloudflared:1"), ("entrypoints", ["/usr/local/bin/cloudflared"]))
    ),
    Case("DKR-PORT", "unknown", "what it is",
         called_nginx(image=UNSET, command=None, ports=[{**PORT, "internal": None}])),
)  # fmt: skip


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", "nginx"),
        ("localhost/x/nginx:1", "x/nginx"),
        ("localhost:5000/nginx", "nginx"),
        ("r.example.com/a/b/nginx:1@sha256:0", "a/b/nginx"),
        ("library/nginx", "library/nginx"),
        (None, ""),
        (3, "3"),
    ],
)
def test_repository(image: object, name: str) -> None:
    assert repository(image) == name


@pytest.mark.parametrize(
    ("image", "proxy"),
    [
        ("nginx:1", True),
        ("x/edge-proxy:1", True),
        ("haproxytech/haproxy-alpine", True),
        ("cloudflare/cloudflared", True),
        ("nginx/nginx-prometheus-exporter", False),
        ("x/api:nginx", False),
        ("nginx/unit", False),
        ("x/postgres", False),
    ],
)
def test_a_proxy_by_its_image(image: str, proxy: bool) -> None:
    assert is_proxy(Container("docker:index/container:Container", {"image": image})) is proxy


def test_a_health_check_is_no_command() -> None:
    what = {"command": ["app"], "entrypoints": ["run"], "healthcheck": {"tests": ["CMD", "socat", "-"]}}
    assert command_line(Container("docker:index/container:Container", what)) == "run app"
