"""The configuration files that the pure functions make."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from components.core.naming import Naming
from components.core.rendering import render
from components.data import nats, postgres
from components.runtime.files import digest, manifest
from settings.blocks.nats import NatsSettings
from settings.blocks.postgres import PostgresSettings, PostgresTuning

API, DASHBOARD = "172.20.0.2:8000", "172.20.0.5:8080"


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
