"""nginx's config file: routes, TLS, headers, and whom it believes the client's address."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from ipaddress import ip_network
from itertools import combinations
from typing import Any

import pytest
from tasktracker.web.server import KEEP_ALIVE_SECONDS

from components.edge import nginx
from settings.blocks.nginx import NginxSettings, PublishSettings

API = {"blue": "172.20.0.3:8000", "green": "172.20.0.4:8000"}
DASHBOARD = {"blue": "172.20.0.6:8080", "green": "172.20.0.7:8080"}


def front(*, hsts: bool = False, **settings: Any) -> str:
    hosts = ["tasks.example.com"]
    return nginx.server_config(
        NginxSettings(**settings), domain="tasks.example.com", hosts=hosts, api=API, dashboard=DASHBOARD, hsts=hsts
    )


def test_nginx_proxies_and_compresses() -> None:
    config = front()
    for part in (
        "listen 8080 default_server;",
        *(f"server {address} max_fails=0;" for address in (*API.values(), *DASHBOARD.values())),
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
    assert len(times) == 4
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
