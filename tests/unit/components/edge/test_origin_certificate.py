"""A certificate of Cloudflare's Origin CA, as the program registers it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.unit.components.conftest import API_TOKEN, ORIGIN_CERTIFICATE, PROD, STASH, TUNNEL, Run

NGINX = {"nginx": json.dumps({"tls": True, "certificate": "cloudflare"})}


@pytest.fixture
def stack(run: Callable[..., Run]) -> Run:
    return run({**PROD, **NGINX}, API_TOKEN)


def test_cloudflare_signs_for_the_domain_and_sees_no_key(stack: Run) -> None:
    asked = stack.one(ORIGIN_CERTIFICATE, "origin-certificate").inputs
    kept = stack.one(STASH, "origin-certificate-key").inputs["input"]
    assert asked == {
        "csr": kept["request"], "hostnames": ["tasks.example.com"], "requestType": "origin-ecc",
        "requestedValidity": 5475,
    }  # fmt: skip
    request = x509.load_pem_x509_csr(asked["csr"].encode())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["tasks.example.com"]
    key = load_pem_private_key(kept["key"].encode(), password=None)
    assert request.public_key() == key.public_key()


def test_nginx_serves_it(stack: Run) -> None:
    files = stack.uploads("nginx")
    assert files["tls.crt"] == "certificate for tasks.example.com"
    assert files["tls.key"] == stack.one(STASH, "origin-certificate-key").inputs["input"]["key"]
    assert "Strict-Transport-Security" in files["nginx.conf"]


def test_another_domain_gets_another_pair(stack: Run, run: Callable[..., Run]) -> None:
    def made_for(found: Run) -> str:
        return str(found.one(STASH, "origin-certificate-key").request.replacement_trigger.string_value)

    other = run({**PROD, **NGINX, "domain": "todo.example.com"}, API_TOKEN)
    assert (made_for(stack), made_for(other)) == ("tasks.example.com", "todo.example.com")


def test_a_tunnel_verifies_it(run: Callable[..., Run]) -> None:
    found = run({**TUNNEL, **NGINX}, API_TOKEN)
    config = "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig"
    rule = found.one(config, "tunnel").inputs["config"]["ingresses"][0]
    # cloudflared knows the Origin CA.
    assert rule["originRequest"] == {"originServerName": "tasks.example.com"}
    assert rule["service"] == "https://nginx:8443"
