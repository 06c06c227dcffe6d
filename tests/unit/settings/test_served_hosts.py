"""Which hosts nginx answers requests for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from settings import parse
from tests.unit.components.conftest import API_TOKEN, DEV, PROD, TUNNEL


@pytest.mark.parametrize(
    ("base", "nginx", "hosts"),
    [
        (DEV, {}, ["localhost", "127.0.0.1", "[::1]"]),
        (DEV, {"hosts": ["localhost"]}, ["localhost", "127.0.0.1", "[::1]"]),
        (PROD, {"hosts": ["www.example.com"], "publish": {"address": "10.0.0.5", "port": 8080}},
         ["tasks.example.com", "www.example.com", "10.0.0.5"]),
        (TUNNEL, {}, ["tasks.example.com"]),
    ],
)  # fmt: skip
def test_served_hosts(base: dict[str, str], nginx: dict[str, Any], hosts: list[str]) -> None:
    token = API_TOKEN if base is TUNNEL else {}
    assert parse("test", {**base, **token, "nginx": json.dumps(nginx)}, [*token]).served_hosts == hosts


def test_all_names_of_a_tunnel_are_served() -> None:
    tunnel = {
        **json.loads(TUNNEL["tunnel"]),
        "hostnames": ["tasks.example.com", "www.example.com"],
        "administrators": {"hostnames": ["admin.example.com"], "emails": ["jo@example.com"]},
    }
    settings = parse("test", {**TUNNEL, **API_TOKEN, "tunnel": json.dumps(tunnel)}, [*API_TOKEN])
    assert settings.served_hosts == ["tasks.example.com", "www.example.com", "admin.example.com"]
