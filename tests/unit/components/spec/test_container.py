"""Specs are plain values: what a component says of its containers, without Pulumi and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict
from typing import Any

import pytest

from components.app import api, dashboard, migrations, worker
from components.backup import backups, drills, file_backups, restore
from components.backup.repository import Keys, Repository
from components.data import nats, object_store, postgres, redis
from components.edge import cloudflared, nginx
from components.spec.container import ContainerSpec, JobSpec, ServiceSpec
from settings import Settings
from settings.blocks.backup import FileRestoreSettings
from settings.blocks.postgres import RestoreSettings
from settings.blocks.redis import RedisSettings
from settings.blocks.tunnel import TunnelSettings
from settings.services import SERVICES
from tests.unit.settings.config import read

IMAGE = read({}).images.of(SERVICES["api"])
TUNNEL = TunnelSettings(account_id=32 * "a", zone="example.com", zone_id=32 * "b")
REPOSITORY = Repository(
    bucket="backups",
    host="s3.example.com",
    port=443,
    region="eu",
    writer=Keys("a", "b"),
    reader=Keys("a", "b"),
    outside=True,
)


def specs(settings: Settings) -> Mapping[str, ContainerSpec]:
    """One of each kind, by name."""
    backup, files = settings.backup, ["a-file"]
    return {
        "postgres": postgres.spec(settings.postgres, IMAGE, files, calls_out=True),
        "nats": nats.spec(settings.nats, IMAGE),
        "redis": redis.spec(RedisSettings(), IMAGE),
        "object-store": object_store.spec(settings.object_store, IMAGE, {"BUCKET": "backups"}, files),
        "api": api.spec(settings.api, IMAGE, "blue", "10.0.0.2", env={"A": "b"}, files=files),
        "worker": worker.spec(settings.worker, IMAGE, "blue", env={"A": "b"}, files=files),
        "dashboard": dashboard.spec(settings.dashboard, IMAGE, "blue", "10.0.0.5"),
        "migrations": migrations.spec(settings.api.resources, IMAGE, calls_out=False),
        "nginx": nginx.spec(settings.nginx, IMAGE, files),
        "backups": backups.spec(backup, IMAGE, files, database="tasks", network="data"),
        "drills": drills.spec(backup, IMAGE, files, database="tasks", network="egress"),
        "file-backups": file_backups.spec(backup, IMAGE, REPOSITORY, files),
        "file-restore": file_backups.restore_spec(
            FileRestoreSettings(uploads="latest"), backup.files.resources, IMAGE, REPOSITORY, files
        ),
        "cloudflared-1": cloudflared.spec(TUNNEL, IMAGE, "cloudflared-1", files),
        "restore": restore.spec(
            RestoreSettings(volume=2, set="20260101-000000F"), settings.postgres, IMAGE, files, network="data"
        ),
    }


ALL = specs(read({}))


def test_each_service_has_a_spec_here() -> None:
    assert {each.name if each.slotted else each.containers[0] for each in SERVICES.values()} <= ALL.keys()


@pytest.mark.parametrize("name", ALL)
def test_a_spec_is_json(name: str) -> None:
    spec = ALL[name]
    written: dict[str, Any] = json.loads(json.dumps(asdict(spec)))
    assert written["service"] == name
    assert written["image"]["repository"] == IMAGE.repository
    assert isinstance(spec, ServiceSpec | JobSpec)
    with pytest.raises(FrozenInstanceError):
        spec.user = "0:0"  # type: ignore[misc]


def test_a_container_of_a_service_is_as_its_row_says() -> None:
    for name, service in SERVICES.items():
        for spec in (each for container, each in ALL.items() if container == name):
            assert spec.user == service.user
            assert (spec.limits.cpus, spec.limits.memory) == (service.needs.cpus, service.needs.memory)


def test_only_nginx_publishes_outside_dev_and_nothing_with_a_tunnel() -> None:
    publishing = {name for name, spec in ALL.items() if isinstance(spec, ServiceSpec) and spec.ports}
    assert publishing == {"nginx"}
    assert nginx.spec(read({}).nginx, IMAGE, [], tunnel=True).ports == []


def test_debug_ports_take_a_network_and_this_machine_alone() -> None:
    spec = postgres.spec(read({"postgres": {"debug_port": 5432}}).postgres, IMAGE, [], calls_out=False)
    assert [each.network for each in spec.networks] == ["data", "debug"]
    assert [(port.external, port.address) for port in spec.ports] == [(5432, "127.0.0.1")]
