"""The tunnel, as the program registers it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network
from typing import Any

import pytest

from components.edge.nginx import server_config
from settings.blocks.nginx import NginxSettings
from tests.certificates import chain, ec_key, key_pem
from tests.unit.components.conftest import ACCOUNT, API_TOKEN, CONTAINER, DEV, TUNNEL, ZONE, Recorded, Run

TUNNELS = "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared"
CONFIGS = "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig"
RECORDS = "cloudflare:index/dnsRecord:DnsRecord"
APPLICATIONS = "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication"
POLICIES = "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy"

NOT_FOUND = {"service": "http_status:404"}
ADMINISTRATORS = {"hostnames": ["admin.example.com"], "emails": ["kim@example.com", "jo@example.com"]}
PEM = "-----BEGIN {0}-----\nMIIB\n-----END {0}-----\n"
TLS = {"tls_certificate": chain(), "tls_key": key_pem(ec_key("server"))}


@pytest.fixture
def plain(run: Callable[..., Run]) -> Run:
    return run(TUNNEL, API_TOKEN)


@pytest.fixture
def guarded(run: Callable[..., Run]) -> Run:
    return run(with_tunnel(administrators=ADMINISTRATORS), API_TOKEN)


def with_tunnel(**keys: Any) -> dict[str, str]:
    """The config with other settings of the tunnel."""
    return {**TUNNEL, "tunnel": json.dumps({**json.loads(TUNNEL["tunnel"]), **keys})}


def rules(result: Run) -> Any:
    return result.one(CONFIGS, "tunnel").inputs["config"]["ingresses"]


def files(result: Run, service: str = "cloudflared-1") -> Mapping[str, str]:
    return {each["file"]: each["content"] for each in result.container(f"{service}-files")["uploads"]}


def waits_for(resource: Recorded, other: Recorded) -> bool:
    urn = f"::{other.type}::{other.name}"
    return any(each.endswith((urn, f"${other.type}::{other.name}")) for each in resource.request.dependencies)


def test_it_is_managed_by_cloudflare_and_protected(plain: Run) -> None:
    tunnel = plain.one(TUNNELS, "tunnel")
    assert tunnel.inputs == {"accountId": ACCOUNT, "name": "tasktracker-test", "configSrc": "cloudflare"}
    assert tunnel.request.protect
    assert list(tunnel.request.ignoreChanges) == ["configSrc", "tunnelSecret"]


def test_it_leads_to_nginx_and_nowhere_else(plain: Run) -> None:
    assert rules(plain) == [{"hostname": "tasks.example.com", "service": "http://nginx:8080"}, NOT_FOUND]
    config = plain.one(CONFIGS, "tunnel").inputs
    assert (config["accountId"], config["tunnelId"], config["source"]) == (ACCOUNT, "tunnel-id", "cloudflare")


def test_further_hostnames_lead_there_too(run: Callable[..., Run]) -> None:
    hostnames = ["tasks.example.com", "www.example.com"]
    result = run(with_tunnel(hostnames=hostnames), API_TOKEN)
    assert [rule.get("hostname") for rule in rules(result)] == [*hostnames, None]
    # Registered side by side, in any order.
    assert sorted(each.name for each in result.all(RECORDS)) == hostnames


def test_each_hostname_has_a_record(guarded: Run) -> None:
    for name in ("tasks.example.com", "admin.example.com"):
        assert guarded.one(RECORDS, name).inputs == {
            "zoneId": ZONE,
            "name": name,
            "type": "CNAME",
            "content": "tunnel-id.cfargotunnel.com",
            "proxied": True,
            "ttl": 1,
        }
    assert len(guarded.all(RECORDS)) == 2


def test_names_lead_here_once_somebody_answers(guarded: Run) -> None:
    for record in guarded.all(RECORDS):
        for number in (1, 2):
            assert waits_for(record, guarded.one(CONTAINER, f"cloudflared-{number}"))
    assert waits_for(guarded.one(CONTAINER, "cloudflared-1"), guarded.one(CONFIGS, "tunnel"))


def test_administrators_are_let_in_by_their_addresses(guarded: Run) -> None:
    policy = guarded.one(POLICIES, "administrators").inputs
    assert policy["decision"] == "allow"
    assert policy["includes"] == [{"email": {"email": each}} for each in ("jo@example.com", "kim@example.com")]
    application = guarded.one(APPLICATIONS, "admin.example.com").inputs
    assert (application["domain"], application["type"]) == ("admin.example.com", "self_hosted")
    assert application["policies"] == [{"id": "administrators-id", "precedence": 1}]


def test_there_is_no_way_in_before_its_guard(guarded: Run) -> None:
    application = guarded.one(APPLICATIONS, "admin.example.com")
    assert waits_for(guarded.one(CONFIGS, "tunnel"), application)
    assert waits_for(guarded.one(RECORDS, "admin.example.com"), application)


def test_nobody_needs_access_without_administrators(plain: Run) -> None:
    assert not plain.all(APPLICATIONS) + plain.all(POLICIES)


def test_two_containers_hold_it_open_one_after_the_other(plain: Run) -> None:
    first, second = (plain.one(CONTAINER, f"cloudflared-{number}") for number in (1, 2))
    assert waits_for(second, first)
    assert not waits_for(first, second)
    assert plain.platform.containers.keys() >= {"cloudflared-1", "cloudflared-2"}


def test_one_is_enough_where_the_config_says_so(run: Callable[..., Run]) -> None:
    result = run(with_tunnel(replicas=1, resources={"memory": "128MB"}, start_timeout="45s"), API_TOKEN)
    assert [each.name for each in result.running if "cloudflared" in each.name] == ["cloudflared-1"]
    inputs = result.container("cloudflared-1")
    assert (inputs["memory"], inputs["waitTimeout"]) == (128, 45)


def test_a_container_runs_cloudflared_with_its_token_in_a_file(plain: Run) -> None:
    inputs = plain.container("cloudflared-1")
    assert inputs["command"] == [
        "tunnel", "--no-autoupdate", "--metrics", "127.0.0.1:2000", "--grace-period", "30s",
        "run", "--token-file", "/etc/tasktracker/token",
    ]  # fmt: skip
    assert inputs["healthcheck"]["tests"] == ["CMD", "cloudflared", "tunnel", "--metrics", "127.0.0.1:2000", "ready"]
    assert files(plain) == {"/etc/tasktracker/token": "token of tunnel-id"}
    # Requests in flight end before Docker kills.
    assert inputs["stopTimeout"] == inputs["destroyGraceSeconds"] == 35


def test_a_container_reaches_nginx_and_the_outside_only(plain: Run) -> None:
    networks = {each["name"] for each in plain.container("cloudflared-2")["networksAdvanced"]}
    assert networks == {"tasktracker-test-edge", "tasktracker-test-egress"}


def test_nothing_is_published(guarded: Run) -> None:
    assert [each.name for each in guarded.all(CONTAINER) if each.inputs.get("ports")] == []
    assert guarded.platform.url == "https://tasks.example.com"


def test_the_token_is_secret_and_nowhere_else(plain: Run) -> None:
    holding = [each.name for each in plain.resources if "token of tunnel-id" in str(each.inputs)]
    assert sorted(holding) == ["cloudflared-1-files", "cloudflared-2-files"]
    provider = plain.one("pulumi:providers:cloudflare", "cloudflare")
    assert provider.inputs["apiToken"] == API_TOKEN["cloudflare_api_token"]
    assert [each.name for each in plain.resources if API_TOKEN["cloudflare_api_token"] in str(each.inputs)] == [
        "cloudflare"
    ]


def test_nginxs_certificate_is_verified(run: Callable[..., Run]) -> None:
    config = {**TUNNEL, "nginx": json.dumps({"tls": True})}
    known = run(config, {**API_TOKEN, **TLS})
    assert rules(known)[0] == {
        "hostname": "tasks.example.com",
        "service": "https://nginx:8443",
        "originRequest": {"originServerName": "tasks.example.com"},
    }
    private = run(config, {**API_TOKEN, **TLS, "tls_ca_certificate": PEM.format("CERTIFICATE")})
    assert rules(private)[0]["originRequest"] == {
        "originServerName": "tasks.example.com",
        "caPool": "/etc/tasktracker/ca.crt",
    }
    assert files(private)["/etc/tasktracker/ca.crt"] == PEM.format("CERTIFICATE")
    assert not [each.name for each in private.all(CONTAINER) if each.inputs.get("ports")]


def test_nginx_learns_from_the_tunnel_who_asks() -> None:
    options: dict[str, Any] = {
        **{"domain": "tasks.example.com", "hosts": ["tasks.example.com"]},
        **{"api": {"blue": "172.20.0.10:8000"}, "dashboard": {"blue": "172.20.0.11:8080"}},
    }
    text = server_config(NginxSettings(), **options, hsts=True, tunnel_network=IPv4Network("172.20.0.0/24"))
    for line in (
        "set_real_ip_from 172.20.0.0/24;",
        "real_ip_header CF-Connecting-IP;",
        "proxy_set_header X-Forwarded-Proto https;",
        "return 301 https://$host$request_uri;",
        "Strict-Transport-Security",
    ):
        assert line in text
        assert line not in server_config(NginxSettings(), **options)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ('409 Conflict {"errors":[{"code":1013,"message":"You already have a tunnel with this name."}]}', "Tunnels"),
        ('{"errors": [{"code": 7003, "message": "Could not route to /accounts/..."}]}', "tunnel.account_id"),
        ('403 Forbidden {"errors":[{"code":9109,"message":"Unauthorized"}]}', "cloudflare_api_token"),
        ('403 Forbidden {"errors":[{"code":10000,"message":"Authentication error"}]}', "Cloudflare Tunnel: Edit"),
        ('400 Bad Request {"errors":[{"code":81053,"message":"... already exists."}]}', "DNS record"),
    ],
)
def test_an_error_of_the_api_comes_with_advice(error: str, words: str) -> None:
    from components.edge.cloudflare_errors import advice

    (text,) = advice([f"failed to make http request: {error}"])
    assert words in text
    assert advice(["a connection was refused"]) == []


def test_a_stack_without_a_tunnel_does_without_its_package(run: Callable[..., Run]) -> None:
    result = run(DEV)
    assert not [each.name for each in result.resources if "cloudflare" in each.type or "cloudflared" in each.name]
    code = "import components, settings, sys; sys.exit('pulumi_cloudflare' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
