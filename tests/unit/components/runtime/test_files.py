"""The configuration files that the pure functions make."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from ipaddress import IPv4Network, ip_network
from itertools import combinations
from typing import Any

import pytest
from tasktracker.web.server import KEEP_ALIVE_SECONDS

from components.core.naming import Naming
from components.core.rendering import render
from components.data import nats, postgres
from components.edge import nginx
from components.runtime.files import digest, manifest
from settings.blocks.nats import NatsSettings
from settings.blocks.nginx import NginxSettings, PublishSettings
from settings.blocks.postgres import PostgresSettings, PostgresTuning

API, DASHBOARD = "172.20.0.2:8000", "172.20.0.5:8080"


def front(*, hsts: bool = False, **settings: Any) -> str:
    hosts = ["tasks.example.com"]
    return nginx.server_config(
        NginxSettings(**settings), domain="tasks.example.com", hosts=hosts, api=API, dashboard=DASHBOARD, hsts=hsts
    )


def test_postgres_defaults_are_the_requirements() -> None:
    config = postgres.server_config(PostgresSettings())
    for line in (
        "max_connections = 200",
        "shared_buffers = '256MB'",
        "effective_cache_size = '1024MB'",
        "work_mem = '4MB'",
        "maintenance_work_mem = '64MB'",
        "shared_preload_libraries = 'pg_stat_statements'",
        "log_min_duration_statement = '1000ms'",
        "log_connections = on",
        "log_lock_waits = on",
        "log_checkpoints = on",
        "password_encryption = 'scram-sha-256'",
    ):
        assert f"\n{line}\n" in config


def test_postgres_parameters_are_quoted() -> None:
    tuning = PostgresTuning(parameters={"random_page_cost": 1.1, "jit": False, "timezone": "Europe/Berlin"})
    config = postgres.server_config(PostgresSettings(tuning=tuning))
    assert config.endswith("jit = off\nrandom_page_cost = 1.1\ntimezone = 'Europe/Berlin'\n")


def test_postgres_takes_the_app_from_its_networks_only() -> None:
    rules = postgres.access_rules(PostgresSettings(), [IPv4Network("172.20.1.0/24")])
    hosts = [line.split() for line in rules.splitlines() if line.startswith("host")]
    assert [(host[1], host[2], host[3], host[4]) for host in hosts] == [
        ("tasktracker", "tasktracker", "127.0.0.1/32", "scram-sha-256"),
        ("tasktracker", "tasktracker", "172.20.1.0/24", "scram-sha-256"),
    ]
    assert "trust" not in rules


def test_database_url_is_encoded() -> None:
    url = postgres.database_url(PostgresSettings(), "postgres", "a/b@c:d")
    assert url == "postgresql://tasktracker:a%2Fb%40c%3Ad@postgres:5432/tasktracker"


def test_nats_has_authentication_and_limits() -> None:
    config = nats.server_config(NatsSettings(), "tasktracker-dev-nats", "secret-password")
    assert 'password: "secret-password"' in config
    assert "max_memory_store: 128MB" in config
    assert "max_file_store: 1024MB" in config
    assert 'store_dir: "/var/lib/nats"' in config


def test_nginx_proxies_and_compresses() -> None:
    config = front()
    for part in (
        "listen 8080 default_server;",
        "server 172.20.0.2:8000 max_fails=0;",
        "server 172.20.0.5:8080 max_fails=0;",
        "keepalive 32;",
        "client_max_body_size 10m;",
        "proxy_read_timeout 86400s;",
        "gzip            on;",
        "brotli            on;",
        "rate=50r/s;",
        "burst=100 nodelay;",
    ):
        assert part in config


def test_nginx_ends_idle_connections_before_the_app_does() -> None:
    times = [int(each) for each in re.findall(r"^    keepalive_timeout (\d+)s;$", front(), re.MULTILINE)]
    # uvicorn's default; the reference app's is longer.
    assert len(times) == 2
    assert max(times) < 5 < KEEP_ALIVE_SECONDS


def test_content_security_policy_is_strict() -> None:
    assert "default-src 'none'" in nginx.CONTENT_SECURITY_POLICY
    for hole in ("unsafe", "*", "http:", "https:"):
        assert hole not in nginx.CONTENT_SECURITY_POLICY


def test_plain_http_promises_no_tls() -> None:
    config = front(hsts=True)
    assert "Strict-Transport-Security" not in config
    assert "ssl" not in config


def test_tls() -> None:
    config = front(tls=True)
    assert "listen 8443 ssl default_server;\n    http2  on;" in config
    # Beside nginx.conf, wherever nginx has its copy of both.
    assert "ssl_certificate     tls.crt;" in config
    assert "ssl_certificate_key tls.key;" in config
    assert "ssl_session_tickets off;" in config
    assert "return 301 https://tasks.example.com:8443$request_uri;" in config


def test_tls_is_mozilla_s_intermediate_profile() -> None:
    config = front(tls=True)
    assert "ssl_protocols       TLSv1.2 TLSv1.3;" in config
    assert "ssl_ecdh_curve      X25519MLKEM768:X25519:prime256v1:secp384r1;" in config
    [ciphers] = re.findall(r"ssl_ciphers +(\S+);", config)
    assert ciphers.split(":") == [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    ]


def test_hsts_binds_browsers_only_where_it_is_asked_for() -> None:
    assert "Strict-Transport-Security" not in front(tls=True)
    assert 'Strict-Transport-Security "max-age=63072000; includeSubDomains" always;' in front(tls=True, hsts=True)


def test_by_default_nobody_may_say_which_client_a_request_is_from() -> None:
    assert "real_ip" not in front()


def test_cloudflare_may_say_which_client_a_request_is_from() -> None:
    config = front(real_ip="cloudflare")
    assert "  real_ip_header CF-Connecting-IP;\n" in config
    assert re.findall(r"set_real_ip_from (\S+);", config) == list(nginx.cloudflare_ranges())


def test_cloudflare_s_ranges_are_subnets_of_the_internet_with_source_and_date() -> None:
    data = json.loads(nginx.CLOUDFLARE_RANGES.read_text())
    assert data.keys() == {"source", "date", "ranges"}
    assert data["source"] == ["https://www.cloudflare.com/ips-v4", "https://www.cloudflare.com/ips-v6"]
    assert date(2026, 1, 1) <= date.fromisoformat(data["date"]) <= datetime.now(UTC).date()
    # Strict: no bit of a host is set.
    ranges = [ip_network(text) for text in data["ranges"]]
    assert [str(each) for each in ranges] == data["ranges"]
    assert {each.version for each in ranges} == {4, 6}
    for each in ranges:
        assert each.is_global
        # A slip such as /1 would trust half of the internet.
        assert each.prefixlen >= {4: 12, 6: 29}[each.version]
    for first, second in combinations(ranges, 2):
        assert first.version != second.version or not first.overlaps(second)


@pytest.mark.parametrize(
    ("tls", "ports", "url"),
    [
        (False, {}, "http://tasks.example.com:8080"),
        (False, {"port": 80}, "http://tasks.example.com"),
        (True, {"tls_port": 443}, "https://tasks.example.com"),
        (True, {}, "https://tasks.example.com:8443"),
    ],
)
def test_public_url(tls: bool, ports: dict[str, Any], url: str) -> None:
    settings = NginxSettings(tls=tls, publish=PublishSettings(**ports))
    assert nginx.public_url(settings, "tasks.example.com") == url


def test_templates_refuse_unknown_values() -> None:
    with pytest.raises(Exception, match="'port' is undefined"):
        render("postgresql.conf", tuning=PostgresTuning())


def test_digest_tells_files_apart() -> None:
    digests = {
        digest("key", files)
        for files in ({"a": "bc"}, {"ab": "c"}, {"a": "b"}, {"a": "b", "c": ""}, {"a": "", "b": "c"})
    }
    assert len(digests) == 5
    assert digest("key", {"a": "1", "b": "2"}) == digest("key", {"b": "2", "a": "1"})
    assert digest("key", {"a": "1"}) != digest("other", {"a": "1"})


def test_a_manifest_is_what_sha256sum_takes() -> None:
    assert manifest("c0ffee", {"b": "", "a": "\u00e9"}) == (
        "c0ffee\n"
        "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c  a\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n"
    )


def test_names() -> None:
    naming = Naming("dev")
    assert naming.container("api") == "tasktracker-dev-api"
    assert naming.container("api", "blue") == "tasktracker-dev-api-blue"
    assert naming.labels("api", slot="blue", release="1.0.0") == {
        "release": "1.0.0",
        "service": "api",
        "slot": "blue",
        "stack": "dev",
    }
