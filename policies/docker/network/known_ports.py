"""Ports that must stay inside a stack: those of data stores and of monitoring, by number, with what listens there.

The numbers are the defaults of each program's own documentation; those of exporters are from Prometheus' list of
default port allocations (github.com/prometheus/prometheus/wiki/Default-port-allocations).
"""

from __future__ import annotations

from typing import Final

from policies.limits import limit

STORE_PORTS: Final = {
    1433: "SQL Server",
    1521: "Oracle",
    2181: "ZooKeeper",
    2375: "Docker's API",
    2376: "Docker's API",
    2379: "etcd",
    2380: "etcd",
    3306: "MySQL",
    33060: "MySQL",
    4222: "NATS",
    6222: "NATS routes",
    7422: "NATS leaf nodes",
    5432: "PostgreSQL",
    5433: "PostgreSQL",
    6432: "PgBouncer",
    5672: "RabbitMQ",
    5984: "CouchDB",
    6333: "Qdrant",
    6334: "Qdrant",
    6379: "Redis",
    6380: "Redis",
    16379: "Redis cluster",
    26379: "Redis Sentinel",
    7474: "Neo4j",
    7687: "Neo4j",
    8086: "InfluxDB",
    8123: "ClickHouse",
    8200: "Vault",
    11300: "Beanstalkd",
    4369: "Erlang's port mapper",
    8432: "pgBackRest",
    8529: "ArangoDB",
    8983: "Solr",
    9042: "Cassandra",
    9092: "Kafka",
    9200: "Elasticsearch",
    9300: "Elasticsearch",
    11211: "memcached",
    19530: "Milvus",
    26257: "CockroachDB",
    27017: "MongoDB",
    27018: "MongoDB",
    27019: "MongoDB",
    28015: "RethinkDB",
}

MONITORING_PORTS: Final = {int(port): name for port, name in limit("DKR-MON", "monitoringPorts").items()}

#: Every port that no proxy may lead to from outside.
INTERNAL_PORTS: Final = STORE_PORTS | MONITORING_PORTS

#: Names of ports that `getaddrinfo` takes in place of numbers (`/etc/services`), which socat, HAProxy and others use.
SERVICE_NAMES: Final = {
    "postgresql": 5432,
    "postgres": 5432,
    "mysql": 3306,
    "mysqlx": 33060,
    "redis": 6379,
    "ms-sql-s": 1433,
    "mongodb": 27017,
    "memcached": 11211,
    "memcache": 11211,
    "amqp": 5672,
    "docker": 2375,
    "docker-s": 2376,
    "etcd-client": 2379,
    "elasticsearch": 9200,
    "prometheus": 9090,
    "zabbix-agent": 10050,
    "zabbix-trapper": 10051,
}

MAX_PORT: Final = 65_535


def named(port: int) -> str:
    """A port for a message, with what listens there.

    >>> named(8222), named(8000)
    ('8222 (NATS monitoring)', '8000')
    """
    name = INTERNAL_PORTS.get(port)
    return f"{port} ({name})" if name else str(port)
