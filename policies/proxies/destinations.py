"""Destinations in one notation, and hosts that are data stores or monitoring tools by their names."""

from __future__ import annotations

import re
from typing import Final

from policies.workloads.roles import MONITORING_IMAGES, STORE_IMAGES, name_words

#: Ports that a monitoring tool shares with what frameworks of web apps take by default: 3000 is Grafana's, and Node's.
SHARED_PORTS: Final = frozenset({3000})

#: Words by which a host says that it is a monitoring tool.
_MONITORING_WORDS: Final = MONITORING_IMAGES | {
    "monitoring", "metrics", "dashboards", "observability",
}  # fmt: skip

#: Numbers with a prefix for their base, and characters that JSON and YAML write by their number.
_PREFIXED: Final = re.compile(r"(?<=[\s:\"'=])(?:0x[0-9a-fA-F]{3,4}|0o[0-7]{3,6})(?![\w])")
_ESCAPED: Final = re.compile(r"\\(?:u00|x)([2-7][0-9a-fA-F])")

#: Sockets of data stores and container runtimes, each with the port that they have on a network.
_SOCKET: Final = re.compile(
    r"(?:unix[\w-]{0,10}[:@/]{1,3})?/[\w./@-]{0,200}?(?:\.s\.PGSQL\.(?P<postgres>\d{4,5})|(?P<docker>(?:docker|podman)\.sock)"
    r"|(?P<mysql>mysql[dx]?\.sock)|(?P<redis>(?:redis|valkey)[\w-]{0,40}\.sock)|mongodb-(?P<mongo>\d{4,5})\.sock):?",
    re.IGNORECASE,
)
_SOCKET_PORTS: Final = {"docker": 2375, "mysql": 3306, "redis": 6379}
_SOCKET_HINTS: Final = (".s.PGSQL.", ".sock")

_NAMED_SHARED: Final = re.compile(
    r"(?<![\w.$}-])(?!localhost:)([A-Za-z][\w-]{0,62}(?:\.[\w-]{1,63}){0,9}):0*3000(?!\d)"
)

#: Hosts that a proxy may lead to although an image of that name is a data store: they answer clients outside as well,
#: and their other ports are known by number.
_PUBLIC_STORES: Final = frozenset({"minio", "garage", "weaviate", "nats", "rabbitmq", "restic", "db2"})
_INTERNAL_NAMES: Final = ((STORE_IMAGES | MONITORING_IMAGES) - _PUBLIC_STORES - {"exporter"}) | {
    "dozzle", "commander", "mongo-express", "kafka-ui", "dockerproxy",
}  # fmt: skip
#: What an exporter's name has before its last word; `pdf-exporter` is an app.
_EXPORTED: Final = (
    STORE_IMAGES
    | MONITORING_IMAGES
    | {
        "node",
        "nginx",
        "blackbox",
        "statsd",
        "celery",
        "process",
        "snmp",
        "mysqld",
        "haproxy",
        "pg",
        "php",
        "fpm",
        "json",
    }
)
_HOST: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^\s/@]*@)?([a-z][\w.-]{0,254})(?=[:/?#]|$)", re.IGNORECASE)
_COPY: Final = re.compile(r"(?:[-_]?\d{1,4}|[-_](?:blue|green))+$")
_LOCAL_ZONES: Final = frozenset({"internal", "local", "lan", "docker", "svc", "private", "home"})

#: Runs of letters, of which every text has one that has such a name.
_LETTERS: Final = re.compile(r"[a-z]{2,}")
_LETTERS_OF_NAMES: Final = frozenset(_LETTERS.findall(name)[0] for name in {*_INTERNAL_NAMES, "exporter"})


def plain(text: str) -> str:
    """A text whose destinations are in one notation: decimal ports, and data stores' sockets as `socket:PORT`.

    A port that monitoring shares with web apps is left out where the host's name doesn't say that it is monitoring.

    >>> plain("TCP:nats:0x201e"), plain("http://unix:/var/run/docker.sock:/"), plain("http://web:3000/")
    ('TCP:nats:8222', 'http://socket:2375/', 'http://web:80/')
    >>> plain("http://grafana:3000"), plain("http://172.20.0.9:3000")
    ('http://grafana:3000', 'http://172.20.0.9:3000')
    """
    if "\\u00" in text or "\\x" in text:
        text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    if "0x" in text or "0o" in text:
        text = _PREFIXED.sub(lambda match: str(int(match[0], 0)), text)
    if any(hint in text for hint in _SOCKET_HINTS):
        text = _SOCKET.sub(_socket, text)
    return _NAMED_SHARED.sub(_shared, text) if ":3000" in text else text


def _socket(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    return f"socket:{_SOCKET_PORTS.get(kind) or match[kind]}"


def _shared(match: re.Match[str]) -> str:
    return match[0] if is_monitoring_name(match[1]) else f"{match[1]}:80"


def is_monitoring_name(name: str) -> bool:
    """Whether a name says that it is of a monitoring tool.

    >>> is_monitoring_name("GRAFANA_PORT"), is_monitoring_name("WEB_PORT")
    (True, False)
    """
    return not name_words(name).isdisjoint(_MONITORING_WORDS)


def may_name_internal_hosts(text: str) -> bool:
    """Whether a text in lower case may have the name of a data store or a monitoring tool; most have none."""
    return not _LETTERS_OF_NAMES.isdisjoint(_LETTERS.findall(text))


def internal_host(target: str) -> str | None:
    """The name of the data store or monitoring tool that `scheme://host:port/path` or `host` leads to.

    A name is one by its last part, but for a number or a colour: `redis-api` is an app. Names in public zones are none.

    >>> [internal_host(each) for each in ("http://adminer:8080/", "postgres-exporter", "db-redis-1:80", "redis-api:80")]
    ['adminer', 'postgres-exporter', 'db-redis-1', None]
    """
    match = _HOST.match(target.strip().strip("\"'"))
    if not match:
        return None
    first, dot, zones = match[1].lower().rstrip(".").partition(".")
    last_zone = zones.rpartition(".")[2]
    if dot and "-" not in last_zone and "_" not in last_zone and last_zone not in _LOCAL_ZONES:
        return None
    name = _COPY.sub("", first).replace("_", "-")
    parts = name.split("-")
    if parts[-1] == "exporter":
        return None if _EXPORTED.isdisjoint(parts[:-1]) else match[1]
    names = {name, parts[-1], "-".join(parts[-2:])}
    return None if names.isdisjoint(_INTERNAL_NAMES) else match[1]
