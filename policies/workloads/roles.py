"""What a container is by its image, its command and what it mounts: a proxy, a data store, a monitoring tool.

No label takes part: a label says what somebody calls a container, not what it does.
"""

from __future__ import annotations

import re
from typing import Final

from policies.containers import Container, Field
from policies.values import entries, flag, items, text
from policies.workloads.encoding import encoded_texts

#: Programs that pass on what they receive, by a word of their image's name.
PROXY_IMAGES: Final = frozenset(
    {
        "nginx", "openresty", "angie", "freenginx", "tengine", "haproxy", "caddy", "envoy", "envoyproxy", "traefik",
        "httpd", "apache", "apache2", "lighttpd", "varnish", "squid", "tinyproxy", "privoxy", "3proxy", "dante",
        "microsocks", "stunnel", "ghostunnel", "hitch", "sniproxy", "sslh", "socat", "ncat", "netcat", "rinetd",
        "simpleproxy", "gost", "glider", "chisel", "frp", "frpc", "frps", "ngrok", "bore", "rathole", "cloudflared",
        "tailscale", "zrok", "localtunnel", "wstunnel", "websockify", "ttyd", "mitmproxy", "toxiproxy", "pomerium",
        "kong", "apisix", "krakend", "tyk", "skipper", "fabio", "linkerd", "pound", "proxy", "gateway", "tunnel",
        "ingress", "forwarder", "swag", "npm", "zoraxy", "bunkerweb", "sozu", "pingora", "autossh", "openssh",
    }
)  # fmt: skip

#: Data stores and message brokers, and the tools that show all that is in them, by a word of their image's name.
STORE_IMAGES: Final = frozenset(
    {
        "postgres", "postgresql", "postgis", "pgvector", "timescale", "timescaledb", "patroni", "spilo", "pgbouncer",
        "pgpool", "pgcat", "mysql", "mariadb", "percona", "vitess", "mongo", "mongodb", "ferretdb", "redis", "valkey",
        "keydb", "dragonfly", "dragonflydb", "memcached", "nats", "rabbitmq", "kafka", "redpanda", "zookeeper", "etcd",
        "cassandra", "scylla", "scylladb", "clickhouse", "elasticsearch", "opensearch", "solr", "influxdb",
        "cockroach", "cockroachdb", "couchdb", "couchbase", "neo4j", "mssql", "sqlserver", "db2", "surrealdb",
        "arangodb", "qdrant", "milvus", "weaviate", "questdb", "tarantool", "rethinkdb", "foundationdb", "tikv",
        "tidb", "yugabyte", "yugabytedb", "minio", "garage", "adminer", "phpmyadmin", "pgadmin", "pgadmin4", "pgweb",
        "redisinsight", "portainer", "pgbackrest", "restic",
    }
)  # fmt: skip

#: Monitoring tools, by a word of their image's name.
MONITORING_IMAGES: Final = frozenset(
    {
        "prometheus", "grafana", "alertmanager", "loki", "tempo", "mimir", "pyroscope", "exporter", "pushgateway",
        "victoria", "victoriametrics", "victorialogs", "vmagent", "vmalert", "vmauth", "vmselect", "jaeger", "zipkin",
        "kibana", "netdata", "cadvisor", "promtail", "alloy", "zabbix", "glances", "flower",
    }
)  # fmt: skip

#: Tools with which people run things or look into containers, by a word of their image's name.
ADMIN_IMAGES: Final = frozenset(
    {
        "jupyter", "jupyterlab", "jupyterhub", "notebook", "codercom", "codeserver", "dozzle", "openssh", "sshd",
        "jenkins", "airflow", "rancher", "argocd", "dockge", "yacht", "cockpit", "webmin", "guacamole", "dockerproxy",
    }
)  # fmt: skip

#: A data store's own program in a command line, and one that lets people in.
_STORE_PROGRAM: Final = re.compile(
    r"(?:^|[\s/;&|\"'(=])(?:postgres|postmaster|pg_ctl|pg_ctlcluster|patroni|pgbouncer|pgpool|mysqld(?:_safe)?"
    r"|mariadbd(?:-safe)?|mongod|mongos|redis-server|redis-sentinel|valkey-server|keydb-server|dragonfly|memcached"
    r"|nats-server|rabbitmq-server|kafka-server-start(?:\.sh)?|redpanda|etcd|cassandra|scylla|clickhouse-server"
    r"|influxd|cockroach|couchdb|arangod|weed|minio|prometheus|grafana-server|alertmanager|loki|victoria-metrics"
    r"|vmalert|pgbackrest|sshd|dropbear|dockerd|jupyter(?:-\w+)?|code-server|start-notebook(?:\.\w+)?"
    r"|http\.server|SimpleHTTPServer)(?=$|[\s;&|\"')])"
)

#: Variables that only a data store's own image reads.
_STORE_VARIABLE: Final = re.compile(
    r"PGDATA|POSTGRES_INITDB_\w+|POSTGRES_HOST_AUTH_METHOD|(?:MYSQL|MARIADB)_ROOT_\w+|MONGO_INITDB_\w+"
    r"|RABBITMQ_DEFAULT_\w+|NEO4J_AUTH|INFLUXDB_\w+INIT\w*|DOCKER_INFLUXDB_INIT_\w+|MINIO_ROOT_\w+"
)

#: Where data stores keep their data.
_STORE_FOLDER: Final = re.compile(
    r"/(?:var/lib|bitnami|opt|srv|data)/(?:postgres\w*|pgsql|mysql|mariadb|mongodb?|redis|valkey|clickhouse|rabbitmq"
    r"|cassandra|neo4j|influxdb\d?|elasticsearch|opensearch|couchdb|etcd|nats|kafka|zookeeper|grafana|prometheus)(?=/|$)"
    r"|/data/(?:db|configdb|jetstream)(?=/|$)|/(?:home/postgres/)?pgdata(?=/|$)|/usr/share/elasticsearch/data(?=/|$)"
)

#: Commands that pass on what they receive.
_FORWARDER: Final = re.compile(
    r"(?:^|[\s/;&|\"'(`])(?:"
    r"socat\b|(?:ncat|nc|netcat)\b[^;&|]{0,300}?\s(?:-\w*l|--listen)"
    r"|(?:auto)?ssh\b[^;&|]{0,300}?\s-\w*[LRDW]|(?:iptables|ip6tables|nft|ipvsadm)\b"
    r"|(?:rinetd|redir|simpleproxy|tcpproxy|tcpserver|tcpsvd|udpsvd|gost|glider|chisel|frpc|frps|ngrok|bore|rathole|zrok|pagekite"
    r"|localtunnel|caddy|nginx|openresty|angie|haproxy|envoy|traefik|pound|varnishd|squid|tinyproxy|privoxy|3proxy"
    r"|sockd|microsocks|stunnel4?|ghostunnel|hitch|sniproxy|sslh|mitm(?:proxy|dump|web)|httpd|apache2(?:ctl)?|lighttpd"
    r"|oauth2-proxy|pomerium|kong|krakend|websockify|wstunnel|ttyd|systemd-socket-proxyd|toxiproxy\S*|balance|pen"
    r"|local-ssl-proxy|goproxy|inetd|xinetd|proxytunnel|corkscrew|cloudflared|pgcat|dumbproxy|hypertunnel|nylon"
    r"|envsubst|gotty|shell2http|6tunnel|inlets(?:-pro)?|lt(?=\s+--port))\b"
    r"|tailscale\s+(?:serve|funnel)|kubectl\s+(?:proxy|port-forward)|http-server\b[^;&|]{0,200}\s(?:-P|--proxy)"
    # A program in a command line that takes connections; it can pass them on.
    r"|(?:python[\d.]*|perl|ruby|node(?:js)?|deno|bun|php[\d.]*|lua(?:jit)?[\d.]*|tclsh|gawk|awk|pwsh|ba?sh|zsh)\b"
    r"(?=[\s\S]{0,4000}?(?:listen|accept|bind\(|serve|createServer|TCPServer|start_server|HTTPServer|inet/tcp|zsh/net"
    r"|stream_socket_server|IO::Socket|websockets|coproc)))",
)

#: What makes a command line one that decodes another.
_DECODES: Final = re.compile(r"base64|b64|openssl\s+enc|atob|frombase64", re.IGNORECASE)

_WORDS_OF_A_NAME: Final = re.compile(r"[^a-z0-9]+")


def name_words(name: object) -> set[str]:
    """The words of a name, in lower case.

    >>> sorted(name_words("tasktracker/Nginx-proxy"))
    ['nginx', 'proxy', 'tasktracker']
    """
    return {word for word in _WORDS_OF_A_NAME.split((text(name) or "").lower()) if word}


def split_registry(name: str) -> tuple[str | None, str]:
    """The registry that an image's name begins with, and the rest; None where it is Docker Hub's.

    By Docker's own test: what comes before the first slash is a registry by a dot, a port, a capital or its name.

    >>> split_registry("host:5000/nginx"), split_registry("library/nginx"), split_registry("Registry/nginx")
    (('host:5000', 'nginx'), (None, 'library/nginx'), ('Registry', 'nginx'))
    """
    first, slash, rest = name.partition("/")
    is_registry = slash and (first == "localhost" or re.search(r"[.:A-Z]", first))
    return (first, rest) if is_registry else (None, name)


def repository(image: object) -> str:
    """An image's name without its registry, tag and digest.

    >>> repository("registry.example.com:5000/tasktracker/nginx:1.2@sha256:0")
    'tasktracker/nginx'
    """
    _, name = split_registry((text(image) or "").partition("@")[0])
    folders, slash, last = name.rpartition("/")
    return f"{folders}{slash}{last.partition(':')[0]}"


def command_words(container: Container) -> list[Field]:
    """The words of entrypoint and command, without those of the health check."""
    tests = container.field("healthcheck.tests").path
    return [word for word in container.words if not str(word.path).startswith(f"{tests}[")]


def command_line(container: Container) -> str:
    """Entrypoint and command as one line, with what stands in base64 in it where something decodes that."""
    words = [found for word in command_words(container) if (found := text(word.value))]
    line = " ".join(words)
    return "\n".join([line, *encoded_texts(line)]) if _DECODES.search(line) else line


def is_forwarder(line: str) -> bool:
    """Whether a command line passes on what it receives."""
    return bool(line) and _FORWARDER.search(line) is not None


def health_line(container: Container) -> str:
    """The health check as one line."""
    tests = container.field("healthcheck.tests").path
    words = [text(word.value) for word in container.words if str(word.path).startswith(f"{tests}[")]
    return " ".join(word for word in words if word)


def is_proxy(container: Container) -> bool:
    """Whether it passes on what it receives, by its image or its command."""
    words = name_words(repository(container.field("image").value).rpartition("/")[2])
    return ("exporter" not in words and not words.isdisjoint(PROXY_IMAGES)) or is_forwarder(command_line(container))


def store(container: Container, stack: str) -> str | None:
    """What says that it is a data store or a monitoring tool, as a property with its value; None if nothing does."""
    kinds = STORE_IMAGES | MONITORING_IMAGES | ADMIN_IMAGES
    field = container.field("image")
    if found := name_words(repository(field.value)) & kinds:
        return f"an image of {min(found)}"
    if match := _STORE_PROGRAM.search(command_line(container)):
        return f"the program {match[0].strip(' /;&|=()' + chr(34) + chr(39))}"
    if any(isinstance(entry.name, str) and _STORE_VARIABLE.fullmatch(entry.name) for entry in container.env):
        return "a data store's variables"
    for mount in container.mounts:
        if isinstance(mount.target, str) and _STORE_FOLDER.match(mount.target):
            return "a data store's folder"
        source = (text(mount.source) or "").replace(stack, "") if mount.type == "volume" else ""
        if flag(mount.read_only) is not True and name_words(source) & kinds:
            return "a data store's volume"
    names = [container.field("hostname").value]
    for _, item in items(container.field("networksAdvanced").value):
        names += [alias for _, alias in items(entries(item).get("aliases"))]
    if found := {word for name in names for word in name_words(name)} & kinds:
        return f"the name {min(found)}"
    return None
